"""Outlines, found by the method of J. Canny: A computational approach to edge detection (1986)."""

import numpy as np
from numpy.typing import NDArray

from mnistnn.augment.corruptions.contract import Images
from mnistnn.augment.corruptions.gaussian import gaussian

_SIGMA_PX = 1.0
_LOW, _HIGH = 0.1, 0.2


def canny_edges(x: Images, _rng: np.random.Generator, _level: None) -> Images:
    """Return 1 where an outline is, else 0: where a blurred image is steepest along its gradient, and steeper than 0.1,
    if it hangs together with a place that is steeper than 0.2. Outermost pixels are none.
    """
    smooth = gaussian(x, _SIGMA_PX, "constant") / gaussian(np.ones_like(x[:1]), _SIGMA_PX, "constant")
    down, right = sobel(smooth)
    steepness = np.hypot(down, right)
    is_weak = _is_steepest(steepness, down, right) & (steepness >= _LOW)
    is_weak[:, [0, -1]] = is_weak[:, :, [0, -1]] = False
    found = is_weak & (steepness >= _HIGH)
    while True:
        grown = _with_neighbours(found) & is_weak
        if (grown == found).all():
            return found.astype(float)
        found = grown


def sobel(x: Images) -> tuple[Images, Images]:
    """Return eight times the slope, downwards and to the right: differences, smoothed by 1, 2, 1 across."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    across_rows = padded[:, 2:] - padded[:, :-2]
    across_columns = padded[:, :, 2:] - padded[:, :, :-2]
    down = across_rows[:, :, :-2] + 2 * across_rows[:, :, 1:-1] + across_rows[:, :, 2:]
    right = across_columns[:, :-2] + 2 * across_columns[:, 1:-1] + across_columns[:, 2:]
    return down, right


def _is_steepest(steepness: Images, down: Images, right: Images) -> NDArray[np.bool_]:
    """Tell where it is as steep as one pixel further along the gradient, on both sides, between two neighbours each."""
    n, height, width = steepness.shape
    padded = np.pad(steepness, ((0, 0), (1, 1), (1, 1)))
    every, i, j = np.ogrid[:n, 1 : height + 1, 1 : width + 1]
    step_i, step_j = np.sign(down).astype(int), np.sign(right).astype(int)
    is_upright = np.abs(down) >= np.abs(right)
    longer, shorter = np.maximum(np.abs(down), np.abs(right)), np.minimum(np.abs(down), np.abs(right))
    part = np.divide(shorter, longer, out=np.zeros_like(longer), where=longer > 0)
    is_steepest = longer > 0
    for side in (1, -1):
        di, dj = side * step_i, side * step_j
        straight = padded[every, i + np.where(is_upright, di, 0), j + np.where(is_upright, 0, dj)]
        diagonal = padded[every, i + di, j + dj]
        is_steepest &= (1 - part) * straight + part * diagonal <= steepness
    return is_steepest


def _with_neighbours(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.pad(found, ((0, 0), (1, 1), (1, 1)))
    rows = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    return rows[:, :, :-2] | rows[:, :, 1:-1] | rows[:, :, 2:]
