"""The height and width of images that come as rows of pixels."""

import math

from mnistnn.errors import DataError

MOST_PIXELS = 1 << 20
"""Of an image that comes as a row of numbers."""


def shape_of_rows(pixels: int, size_px: tuple[int, int] | None, place: str) -> tuple[int, int]:
    """Return height and width of images of so many pixels: those that are given, or a square.

    Raises DataError, naming `place`, if the pixels are not as many.
    """
    if size_px is not None:
        height, width = size_px
        if height * width != pixels:
            raise DataError(f"{place}: images have {pixels} pixels, but {height}x{width} are {height * width}")
        return size_px
    side = math.isqrt(pixels)
    if side < 1 or side * side != pixels:
        raise DataError(
            f"{place}: images have {pixels} pixels, which is no square; --size HEIGHTxWIDTH says what they are"
        )
    return side, side
