"""Readers of run directories and models: they measure and describe, and never train."""
