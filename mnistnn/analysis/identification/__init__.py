"""Identification of files."""
