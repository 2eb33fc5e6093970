"""Images as scikit-learn has them: rows of pixels, whole numbers from 0 to 255 of whatever type."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import UsageError

MOST_CLASSES = 256


class InvalidDataError(UsageError, ValueError):
    """X or y is not what a classifier of images learns from. scikit-learn expects ValueError for that."""


def image_shape(features: int, given: Sequence[int] | None) -> tuple[int, int]:
    """Return height and width of images of so many pixels: as given, where one of both may be -1, or those of a square.

    Raises InvalidDataError if they do not fit.
    """
    if given is None:
        side = math.isqrt(features)
        if side * side != features:
            raise InvalidDataError(
                f"X: {features} features are the pixels of no square; image_shape=(height, width) says what they are, "
                "and (1, -1) takes rows of any length"
            )
        return side, side
    height, width = given
    if height == -1 and width > 0:
        height = features // width
    elif width == -1 and height > 0:
        width = features // height
    if min(height, width) < 1 or height * width != features:
        raise InvalidDataError(f"X: {features} features do not fit image_shape={tuple(given)}")
    return height, width


def as_images(X: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return rows of pixels (n, h·w) as images (n, h, w), uint8, in a new array.

    Raises InvalidDataError for pixels that are not whole numbers from 0 to 255; floats from 0 to 1 are taken for such
    that were divided by 255.
    """
    low, high, is_float = X.min(), X.max(), X.dtype.kind == "f"
    if is_float and low >= 0 and 0 < high <= 1:
        raise InvalidDataError("X: expected pixels from 0 to 255, got floats from 0 to 1; (255 * X).round() makes them")
    if low < 0 or high > 255 or (is_float and (np.floor(X) != X).any()):
        what = "Negative values in data" if low < 0 else "not pixels"  # the first by a word of scikit-learn
        raise InvalidDataError(
            f"X: {what}: expected whole numbers from 0 to 255, got {X.dtype} from {low:g} to {high:g}"
        )
    return X.astype(np.uint8).reshape(len(X), *shape)


def encoded(y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return the classes that occur, sorted, and the number of that of each label (n,). Raises InvalidDataError."""
    classes, labels = np.unique(y, return_inverse=True)
    if not 1 < len(classes) <= MOST_CLASSES:
        raise InvalidDataError(f"y: expected 2 to {MOST_CLASSES} classes, got {len(classes)} class(es)")
    return classes, labels.astype(np.uint8)
