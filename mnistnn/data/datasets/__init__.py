"""Data sets by name: where they come from, and the verified copy on this machine."""
