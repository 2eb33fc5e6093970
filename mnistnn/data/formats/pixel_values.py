"""Pixels that are no bytes yet: colours, and numbers in one of the ranges that people scale pixels to."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import DataError

_CHUNK_VALUES = 1 << 22
_RED, _GREEN, _BLUE = 19595, 38470, 7471  # 0.299, 0.587 and 0.114 in 65536ths: ITU-R BT.601, as in JPEG
GREY_OF_COLOURS = "colours were made grey: 0.299 red + 0.587 green + 0.114 blue"


def grey_of(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the luminance (…) of red, green and blue (…, 3), rounded: 0.299 R + 0.587 G + 0.114 B."""
    grey = np.empty(colours.shape[:-1], dtype=np.uint8)
    rows = max(1, _CHUNK_VALUES // max(1, int(np.prod(colours.shape[1:]))))
    for start in range(0, len(colours), rows):
        red, green, blue = np.moveaxis(colours[start : start + rows].astype(np.uint32), -1, 0)
        grey[start : start + rows] = (_RED * red + _GREEN * green + _BLUE * blue + (1 << 15)) >> 16
    return grey


def bytes_of_numbers(values: NDArray[Any], place: str) -> tuple[NDArray[np.uint8], str | None]:
    """Return numbers as bytes of the same shape, and what is to be said of that.

    integers in 0..255          stay what they are, unless none is more than 1
    from 0 to 1                 255 x, rounded
    from -1 to 1, some negative 127.5 (x + 1), rounded

    Raises DataError, naming `place`, for others.
    """
    if not values.size:
        return np.zeros(values.shape, dtype=np.uint8), None
    low, high = float(values.min()), float(values.max())  # NaN stays NaN
    if low >= 0 and 1 < high <= 255:
        found = _in_chunks(values, 1.0, 0.0, exact=True)
        if found is not None:
            return found, None
    if low >= 0 and high <= 1:
        return _scaled(values, 255.0, 0.0), "pixels from 0 to 1 were multiplied by 255 and rounded"
    if low >= -1 and high <= 1:
        return _scaled(values, 127.5, 127.5), "pixels from -1 to 1 became 127.5 (x + 1), rounded"
    raise DataError(
        f"{place}: pixels are numbers from {low:g} to {high:g}; expected integers from 0 to 255, or numbers from 0 to 1 "
        "or from -1 to 1"
    )


def _scaled(values: NDArray[Any], factor: float, offset: float) -> NDArray[np.uint8]:
    found = _in_chunks(values, factor, offset)
    assert found is not None
    return found


def _in_chunks(values: NDArray[Any], factor: float, offset: float, exact: bool = False) -> NDArray[np.uint8] | None:
    """Return factor · values + offset, rounded; with `exact`, None unless all of that is whole already."""
    result = np.empty(values.shape, dtype=np.uint8)
    rows = max(1, _CHUNK_VALUES // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), rows):
        scaled = values[start : start + rows].astype(np.float64) * factor + offset
        rounded = np.rint(scaled)
        if exact and not np.array_equal(rounded, scaled):
            return None
        result[start : start + rows] = rounded.astype(np.uint8)
    return result
