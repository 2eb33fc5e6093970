"""Pixels and edges of 8 bits: what distances that let images deform compare, in exact arithmetic of integers.

So a distance has the same bits whether it is computed by array code, by a compiled loop or on a GPU.
"""

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array

LARGEST_EDGE = 127
_SCALE = 8  # the sum of the positive factors of a Sobel mask, 4, and half a bit for the sign


def eight_bit(images: Array) -> Array:
    """Return images (n, h, w), whose ink is in [0, 1], as pixels (n, h, w) uint8 in 0 … 255, to the nearest; what is
    outside counts as the limit.
    """
    xp = array_module(images)
    return xp.floor(255.0 * images.clip(0.0, 1.0) + 0.5).astype("uint8", order="C")


def sobel(pixels: Array) -> Array:
    """Return the edges (n, 2, h, w) int8 of pixels (n, h, w) uint8: how ink grows downwards, and to the right.

    edge = ⌊(S ∗ pixels) / 8 + ½⌋ with the masks S = (−1, 0, 1)ᵀ (1, 2, 1) and its transpose, and zeros around the
    image. |S ∗ pixels| ≤ 4 · 255, so |edge| ≤ 128, which counts as 127. Sobel & Feldman (1968).
    """
    xp = array_module(pixels)
    n, h, w = pixels.shape
    x = framed(pixels, 1, "int16")
    edges = xp.empty((n, 2, h, w), dtype="int8")
    along_rows = x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]  # (n, h + 2, w)
    edges[:, 0] = _in_eight_bits(along_rows[:, 2:] - along_rows[:, :-2])
    along_columns = x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]  # (n, h, w + 2)
    edges[:, 1] = _in_eight_bits(along_columns[:, :, 2:] - along_columns[:, :, :-2])
    return edges


def _in_eight_bits(slopes: Array) -> Array:
    slopes += _SCALE // 2
    slopes //= _SCALE
    return slopes.clip(-LARGEST_EDGE, LARGEST_EDGE)


def framed(x: Array, margin: int, dtype: str) -> Array:
    """Return x (..., h, w) with `margin` zeros on each side (..., h + 2·margin, w + 2·margin)."""
    *others, h, w = x.shape
    frame = array_module(x).zeros((*others, h + 2 * margin, w + 2 * margin), dtype=dtype)
    frame[..., margin : margin + h, margin : margin + w] = x
    return frame


def shortest_first(most: int) -> list[tuple[int, int]]:
    """Return all displacements (down, right) of at most so many pixels each way, the shorter before the longer."""
    steps = range(-most, most + 1)
    return sorted(((y, x) for y in steps for x in steps), key=lambda d: (d[0] ** 2 + d[1] ** 2, d))
