"""Sequences: drawn, or read from CSV files."""
