"""Readers and writers of file formats that images come in."""
