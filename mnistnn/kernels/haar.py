"""Haar features of images: sums of pixels in two to four equal rectangles side by side, with alternating signs.

    2h  + −    3h  + − +    4q  + −
    2v  +      3v  +            − +
        −          −
                   +

A feature is one of these patterns at one place and in one size, and has a number. Its value is a weighted sum of a few
numbers of the integral image (`corners`), so the features of all sizes cost the same. Papageorgiou, Oren & Poggio
(1998); Viola & Jones (2001).
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array

# Rectangles of each kind: down and across.
_PARTS = {"2h": (1, 2), "2v": (2, 1), "3h": (1, 3), "3v": (3, 1), "4q": (2, 2)}
CORNERS = 9
"""Most corners that the rectangles of a feature have: three by three."""


class Rectangle(NamedTuple):
    """Pixels that a feature adds up (sign 1) or subtracts (sign -1)."""

    sign: int
    top: int
    left: int
    height: int
    width: int


def integral_images(images: Array) -> Array:
    """Return I(y, x) = Σ images[:y, :x] of each image: ((h+1)·(w+1), n), int32, where a number of all images lies
    together.

    images  (n, h, w)  integers whose sum fits into int32
    """
    n, h, w = images.shape
    xp = array_module(images)
    table = xp.zeros((h + 1, w + 1, n), dtype="int32")
    sums = xp.cumsum(images.transpose(1, 2, 0), axis=0, dtype="int32")
    table[1:, 1:] = xp.cumsum(sums, axis=1, dtype="int32")
    return table.reshape(-1, n)


def count(h: int, w: int) -> int:
    """Return how many features an image has: 299,880 where it is 28×28."""
    return sum(_counts(h, w))


def corners(numbers: np.ndarray, h: int, w: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places and coefficients (f, 9), int32, of features by their numbers (f,); of number -1, of which there is
    none, coefficients 0.

    The value of a feature is Σ coefficient · I[place] with I as of `integral_images`. Of rectangles in a row between
    lines 0 … p, the coefficients are −1, 2, −2, …, ±1 at these lines; of a grid, those of rows times those of columns.
    """
    places = np.zeros((len(numbers), CORNERS), np.int32)
    coefficients = np.zeros((len(numbers), CORNERS), np.int32)
    for kind, (down, across) in enumerate(_PARTS.values()):
        of_kind, y, x = _lines(numbers, kind, h, w)
        size = (down + 1) * (across + 1)
        at = y[:, :, None] * (w + 1) + x[:, None, :]
        places[of_kind, :size] = at.reshape(len(of_kind), size)
        coefficients[of_kind, :size] = np.outer(_differences(down), _differences(across)).ravel()
    return places, coefficients


def rectangles(number: int, h: int, w: int) -> list[Rectangle]:
    """Return the rectangles of a feature, from left to right and from top to bottom."""
    found: list[Rectangle] = []
    for kind in range(len(_PARTS)):
        for ys, xs in zip(*_lines(np.array([number]), kind, h, w)[1:], strict=True):
            (top, *_), (left, *_) = ys, xs
            height, width = int(ys[1] - top), int(xs[1] - left)
            for row in range(len(ys) - 1):
                for column in range(len(xs) - 1):
                    sign = 1 if (row + column) % 2 == 0 else -1
                    found.append(Rectangle(sign, int(ys[row]), int(xs[column]), height, width))
    return found


def _lines(numbers: np.ndarray, kind: int, h: int, w: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which of the numbers are of a kind (f,), and between which lines their rectangles lie: y (f, down + 1), x
    (f, across + 1).
    """
    first = sum(_counts(h, w)[:kind])
    of_kind = np.flatnonzero((numbers >= first) & (numbers < first + _counts(h, w)[kind]))
    down, across = tuple(_PARTS.values())[kind]
    vertical, horizontal = _placements(h, down), _placements(w, across)
    row, column = np.divmod(numbers[of_kind] - first, max(_ways(w, across), 1))
    return of_kind, vertical[row], horizontal[column]


@cache
def _counts(h: int, w: int) -> tuple[int, ...]:
    """Return how many features there are of each kind."""
    return tuple(_ways(h, down) * _ways(w, across) for down, across in _PARTS.values())


def _ways(length: int, parts: int) -> int:
    """Return in how many ways so many equal parts lie side by side on a length."""
    sizes = length // parts
    return sizes * (length + 1) - parts * sizes * (sizes + 1) // 2


@cache
def _placements(length: int, parts: int) -> np.ndarray:
    """Return all ways in which so many equal parts lie side by side on a length: their lines (ways, parts + 1)."""
    sizes = np.arange(1, length // parts + 1)
    ways = length + 1 - parts * sizes  # of each size
    size = np.repeat(sizes, ways)
    start = np.arange(len(size)) - np.repeat(np.cumsum(ways) - ways, ways)
    return (start[:, None] + size[:, None] * np.arange(parts + 1)).astype(np.int32)


def _differences(parts: int) -> np.ndarray:
    """Return c (parts + 1,) with Σ c_j I_j = (I₁ − I₀) − (I₂ − I₁) + … ."""
    signs = (-1) ** np.arange(parts)
    c = np.zeros(parts + 1, np.int32)
    c[1:] += signs
    c[:-1] -= signs
    return c
