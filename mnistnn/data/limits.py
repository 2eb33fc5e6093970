"""How large a set of images may be."""

MAX_SET_BYTES = 1 << 30
"""No file of images that somebody brings, compressed or not, may be larger than this."""

MAX_STORED_BYTES = 1 << 37
"""Nor may a file of a set that was generated: room for 175 million digits."""
