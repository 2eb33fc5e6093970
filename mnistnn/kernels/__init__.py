"""Stateless array functions, forward and backward in pairs, that read like the formulas they come from."""
