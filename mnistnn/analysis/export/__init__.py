"""Handing a result to other programs: one file for each format, and the table of them in `formats.py`."""
