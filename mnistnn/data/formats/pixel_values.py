"""Pixels that are no bytes yet: colours, and numbers in one of the ranges that people scale pixels to."""

from collections.abc import Sequence
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


def bytes_of_numbers(parts: Sequence[NDArray[Any]], place: str) -> tuple[list[NDArray[np.uint8]], str | None]:
    """Return the numbers of each part as bytes of the same shape, and what is to be said of that. One rule for all:

    integers in 0..255          stay what they are, unless none is more than 1
    from 0 to 1                 255 x, rounded
    from -1 to 1, some negative 127.5 (x + 1), rounded

    Raises DataError, naming `place`, for others.
    """
    ranges = [(float(part.min()), float(part.max())) for part in parts if part.size] or [(0.0, 0.0)]
    lows, highs = zip(*ranges, strict=True)
    low, high = float(np.min(lows)), float(np.max(highs))  # NaN stays NaN, in which min and max differ
    if low >= 0 and 1 < high <= 255:
        whole = [_in_chunks(part, 1.0, 0.0, exact=True) for part in parts]
        if all(part is not None for part in whole):
            return [part for part in whole if part is not None], None
    elif low >= 0 and high <= 1:
        return _scaled(parts, 255.0, 0.0), "pixels from 0 to 1 were multiplied by 255 and rounded"
    elif low >= -1 and high <= 1:
        return _scaled(parts, 127.5, 127.5), "pixels from -1 to 1 became 127.5 (x + 1), rounded"
    kind = "numbers" if low < 0 or high > 255 or not np.isfinite(low + high) else "numbers with decimals"
    raise DataError(
        f"{place}: pixels are {kind} from {low:g} to {high:g}; expected integers from 0 to 255, or numbers from 0 to 1 "
        "or from -1 to 1"
    )


def _scaled(parts: Sequence[NDArray[Any]], factor: float, offset: float) -> list[NDArray[np.uint8]]:
    scaled = [_in_chunks(part, factor, offset) for part in parts]
    return [part for part in scaled if part is not None]


def _in_chunks(values: NDArray[Any], factor: float, offset: float, exact: bool = False) -> NDArray[np.uint8] | None:
    """Return factor · values + offset, rounded; with `exact`, None unless all of that is whole already."""
    if exact and values.dtype == np.uint8:
        return values
    result = np.empty(values.shape, dtype=np.uint8)
    rows = max(1, _CHUNK_VALUES // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), rows):
        scaled = values[start : start + rows].astype(np.float64) * factor + offset
        rounded = np.rint(scaled)
        if exact and not np.array_equal(rounded, scaled):
            return None
        result[start : start + rows] = rounded.astype(np.uint8)
    return result
