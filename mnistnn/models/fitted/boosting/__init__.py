"""Sums of stumps that are chosen one after the other."""
