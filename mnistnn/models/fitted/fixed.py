"""Models whose arrays have one shape from the beginning, and are all fitted in one round."""

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array, ShapeError


def take(own: dict[str, Array], arrays: dict[str, np.ndarray]) -> bool:
    """Copy arrays into a model's own, by name; tell whether there were any, which means that the model is fitted.

    Raises ShapeError if they are not those of this model; then nothing is copied.
    """
    expected, found = (
        {name: (array.shape, str(array.dtype)) for name, array in each.items()} for each in (own, arrays)
    )
    if arrays and found != expected:
        raise ShapeError(f"expected {expected}, got {found}")
    for name, array in arrays.items():
        own[name][...] = array_module(own[name]).asarray(array)
    return bool(arrays)
