"""Windows that slide over images: what convolutions and pools have in common.

Images are (c, h, w, n): channels, rows, columns, images. A window of kh × kw pixels stands at oh × ow positions; the
pixels that all windows see at the same place inside them are one strided view.
"""

from dataclasses import dataclass

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array

# Numbers in the patches of one part: 2 MiB of float32. Smaller parts cost calls, larger ones leave the core's cache.
PART = 524_288


@dataclass(frozen=True)
class Part:
    """Some of the positions of a window: rows [top, bottom) and columns [left, right) of the output."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def positions(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    def of(self, y: Array) -> Array:
        """Return the part of an output y (c, oh, ow, n) as a matrix (c, positions · n), a view."""
        return y[:, self.top : self.bottom, self.left : self.right].reshape(len(y), -1)


def parts(y: Array, patch_size: int) -> list[Part]:
    """Cut the positions of an output y (c, oh, ow, n) into parts whose patches have about `PART` numbers: some rows, or
    pieces of a row. On a GPU, where a call costs more than memory, there is one part.
    """
    _, rows, columns, n = y.shape
    height, width = part_size(rows, columns, patch_size * n) if isinstance(y, np.ndarray) else (rows, columns)
    return [
        Part(top, min(top + height, rows), left, min(left + width, columns))
        for top in range(0, rows, height)
        for left in range(0, columns, width)
    ]


def part_size(rows: int, columns: int, numbers_per_position: int) -> tuple[int, int]:
    """Return rows and columns of positions in the largest part."""
    at_once = max(1, PART // numbers_per_position)
    return min(max(1, at_once // columns), rows), min(at_once, columns)


@dataclass(frozen=True)
class Window:
    """Height and width in pixels, and by how many pixels it moves, vertically and horizontally."""

    size: tuple[int, int]
    stride: tuple[int, int]

    @property
    def places(self) -> list[tuple[int, int]]:
        """The places (i, j) inside the window, row by row."""
        return [(i, j) for i in range(self.size[0]) for j in range(self.size[1])]

    def positions(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of positions in an image; what the last window does not reach is left out."""
        return (height - self.size[0]) // self.stride[0] + 1, (width - self.size[1]) // self.stride[1] + 1

    @property
    def overlaps(self) -> bool:
        """Whether neighbouring windows share pixels."""
        return self.stride[0] < self.size[0] or self.stride[1] < self.size[1]

    def seen(self, x: Array, i: int, j: int, part: Part) -> Array:
        """Return the pixels (c, rows, columns, n) of x (c, h, w, n) at place (i, j) of a part's windows, a view."""
        (down, across), (top, left) = self.stride, (i, j)
        return x[
            :,
            top + part.top * down : top + (part.bottom - 1) * down + 1 : down,
            left + part.left * across : left + (part.right - 1) * across + 1 : across,
        ]

    def patches(self, x: Array, part: Part) -> Array:
        """Return what the windows of a part see of x (c, h, w, n): (c, kh, kw, rows, columns, n), a view."""
        (kh, kw), (down, across) = self.size, self.stride
        corner = x[:, part.top * down :, part.left * across :]
        channel, row, column, image = x.strides
        shape = (len(x), kh, kw, part.bottom - part.top, part.right - part.left, x.shape[3])
        strides = (channel, row, column, down * row, across * column, image)
        return array_module(x).lib.stride_tricks.as_strided(corner, shape, strides)

    def whole(self, y: Array) -> Part:
        """Return all positions of an output y (c, oh, ow, n)."""
        return Part(0, y.shape[1], 0, y.shape[2])
