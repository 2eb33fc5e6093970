"""Nearest neighbours, by distances that may let an image bend, in stages."""
