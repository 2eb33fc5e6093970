"""Values that go to and from the process that runs a student's program, as JSON: numbers, text, lists and arrays."""

from typing import Any

import numpy as np


class Random:
    """Stands for a generator of random numbers with this seed, which the other process makes."""

    def __init__(self, seed: int) -> None:
        self.seed = seed


def encode(value: Any) -> Any:
    """Return what JSON can hold. Raises TypeError for a value of another type."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.ndarray() | np.generic() if np.asarray(value).dtype.kind in "biuf":
            array = np.asarray(value)
            return {"array": array.ravel().tolist(), "shape": list(array.shape), "dtype": array.dtype.str}
        case Random():
            return {"random": value.seed}
        case list() | tuple():
            return {"items": [encode(item) for item in value]}
        case dict():
            return {"fields": {str(key): encode(item) for key, item in value.items()}}
    raise TypeError(f"returns {_called(value)}, where numbers, arrays, or several of them are expected")


def decode(value: Any) -> Any:
    """Return the value that was encoded; a generator in the place of Random, a tuple in that of lists."""
    match value:
        case {"array": items, "shape": shape, "dtype": dtype}:
            return np.array(items, dtype=dtype).reshape(shape)
        case {"random": seed}:
            return np.random.default_rng(seed)
        case {"items": items}:
            return tuple(decode(item) for item in items)
        case {"fields": fields}:
            return {key: decode(item) for key, item in fields.items()}
    return value


def _called(value: Any) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a value of type {type(value).__name__}"
