"""Holding a run directory to its promises: every digest, and everything else that can be checked afterwards."""
