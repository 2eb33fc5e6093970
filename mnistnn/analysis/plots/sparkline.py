"""Curves as one line of text each: a character for each value, the higher the larger."""

import math
from collections.abc import Sequence

_UNICODE, _ASCII = "▁▂▃▄▅▆▇█", "_.-:=+*#"


def sparklines(curves: Sequence[Sequence[float | None]], is_unicode: bool = True) -> list[str]:
    """Return a line for each curve, all on one scale, which is logarithmic if all values are above 0: an error falls
    fast at first, and the rest would be flat. None is a blank.
    """
    values = [value for curve in curves for value in curve if value is not None]
    if values and min(values) > 0:
        curves = [[None if value is None else math.log(value) for value in curve] for curve in curves]
        values = [math.log(value) for value in values]
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [sparkline(curve, low, high, is_unicode) for curve in curves]


def sparkline(values: Sequence[float | None], low: float, high: float, is_unicode: bool = True) -> str:
    """Return one character for each value between low and high, and a blank for None. Without Unicode, in ASCII."""
    levels = _UNICODE if is_unicode else _ASCII
    scale = (len(levels) - 1) / (high - low) if high > low else 0.0
    return "".join(" " if value is None else levels[round(scale * (value - low))] for value in values)
