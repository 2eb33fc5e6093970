"""Images that a Python program hands in: taken only if they are what the data set has."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import UsageError


def checked(images: Any, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return images as (n, h, w), where `shape` is (h, w). Raises UsageError, which says what is expected, unless they
    are uint8 of (n, h, w) or (n, h·w).
    """
    given = np.asarray(images)
    height, width = shape
    fits = given.shape[1:] in (shape, (height * width,))
    if given.dtype == np.uint8 and fits:
        return given.reshape(len(given), height, width)
    raise UsageError(
        f"images: expected uint8, from 0 for the background to 255, of shape (n, {height}, {width}) or "
        f"(n, {height * width}), got {given.dtype} of shape {given.shape}{_hint(given, shape)}"
    )


def _hint(given: NDArray[Any], shape: tuple[int, int]) -> str:
    """Say what makes such images of the given ones, if that is likely."""
    if given.shape == shape:
        return "; images[None] makes a batch of a single one"
    if given.dtype.kind == "f" and given.size and given.min() >= 0 and given.max() <= 1:
        return "; (255 * images).round().astype(numpy.uint8) makes bytes of numbers from 0 to 1"
    if given.dtype.kind in "iuf" and given.size and given.dtype != np.uint8 and _are_bytes(given):
        return "; images.astype(numpy.uint8) makes bytes of them"
    return ""


def _are_bytes(given: NDArray[Any]) -> bool:
    return bool(given.min() >= 0 and given.max() <= 255 and (given == np.floor(given)).all())
