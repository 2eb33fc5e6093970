"""JSON as the standard has it. Python's reader also takes NaN, infinities, and a key that is given twice."""

import json
import math
from typing import Any


def parse(text: bytes | str) -> Any:
    """Return the value of a JSON text. Raises ValueError, or RecursionError for one that is nested too deeply."""
    return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_without_repetition)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is larger than any number")
    return number


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key is given twice")
    return values
