"""Images that are moved as a whole: sheared, turned, made smaller, shifted."""

import numpy as np
from numpy.typing import NDArray

from mnistnn.augment.corruptions.contract import Images


def sheared(x: Images, rng: np.random.Generator, angle: float) -> Images:
    """Return images in which what was upright leans by this angle (radians), to the left or the right."""
    angles = angle * _signs(rng, len(x))
    ones, zeros = np.ones_like(angles), np.zeros_like(angles)
    return _sampled(x, [[ones, -np.sin(angles)], [zeros, np.cos(angles)]])


def rotated(x: Images, rng: np.random.Generator, angle: float) -> Images:
    """Return images that are turned by this angle (radians), to the left or the right."""
    angles = angle * _signs(rng, len(x))
    return _sampled(x, [[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]])


def scaled(x: Images, _rng: np.random.Generator, size: float) -> Images:
    """Return images that have this part of their size."""
    step, zeros = np.full(len(x), 1 / size), np.zeros(len(x))
    return _sampled(x, [[step, zeros], [zeros, step]])


def translated(x: Images, rng: np.random.Generator, distance_px: int) -> Images:
    """Return images that are shifted by this distance along both axes, to either side."""
    ones, zeros = np.ones(len(x)), np.zeros(len(x))
    right, down = (distance_px * _signs(rng, len(x)) for _ in range(2))
    return _sampled(x, [[ones, zeros], [zeros, ones]], (right, down))


def _signs(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return rng.choice([-1.0, 1.0], n)


def _sampled(
    x: Images,
    matrix: list[list[NDArray[np.float64]]],
    shift: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Images:
    """Return images (n, h, w) whose pixel at c + p, c the centre, is the image at c + A p + b; black outside of it.

    matrix  of A: to the right and down, from the right and down, (n,) each
    shift   b, to the right and down, (n,) each

    Between pixels the image is bilinear.
    """
    n, height, width = x.shape
    right = (np.arange(width) - (width - 1) / 2)[None, None, :]
    down = (np.arange(height) - (height - 1) / 2)[None, :, None]
    (xx, xy), (yx, yy) = ([each[:, None, None] for each in row] for row in matrix)
    bx, by = (0.0, 0.0) if shift is None else (each[:, None, None] for each in shift)
    at_x = xx * right + xy * down + bx + (width - 1) / 2
    at_y = yx * right + yy * down + by + (height - 1) / 2
    left, top = np.floor(at_x).astype(int), np.floor(at_y).astype(int)
    part_x, part_y = at_x - left, at_y - top
    every = np.arange(n)[:, None, None]

    def pixel(i: NDArray[np.int_], j: NDArray[np.int_]) -> Images:
        is_inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
        values: Images = x[every, np.clip(i, 0, height - 1), np.clip(j, 0, width - 1)]
        return np.where(is_inside, values, 0)

    above = (1 - part_x) * pixel(top, left) + part_x * pixel(top, left + 1)
    below = (1 - part_x) * pixel(top + 1, left) + part_x * pixel(top + 1, left + 1)
    y: Images = (1 - part_y) * above + part_y * below
    return y
