"""Ink on a picture of a digit: how much lies on each pixel, whatever the paper, the light and the colours.

The brightness of the paper is what a morphological closing makes of the picture: it fills all that is darker and
narrower than its window, and follows light from one side, a lens's dark corners and shadows with edges, beside which a
fitted surface of second order rings. Ink is what it takes of the paper's light, 1 − brightness/paper, so a shadow
changes it little. A threshold decides where ink is, never how much.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mnistnn.data.pictures.resize import resampled

Pixels = NDArray[np.float64]

_LEAST_CONTRAST = 0.06  # of ink, where 1 is black on white: less is paper
_LEAST_NOISES = 5.0  # and less than so many standard deviations of the paper is noise
_DARKEST_PAPER = 0.05  # dividing by less would make ink of a black corner's noise
_ROUGH_PX = 48  # the side of the picture that says which is ink
_FAINT = 0.5  # of the threshold: what belongs to a stroke if it hangs on to enough ink


class NoDigitError(ValueError):
    """A picture has nothing on it that could be a digit. Says why; whoever knows the picture's name adds it."""


@dataclass(frozen=True, eq=False)
class Ink:
    """Ink on a picture (h, w).

    amount  1 is the full strength of the strokes, 0 is paper
    mask    where there is ink for certain, and what hangs on to it
    dark    whether it is darker than the paper
    """

    amount: Pixels
    mask: NDArray[np.bool_]
    dark: bool


def find_ink(grey: Pixels, dark: bool | None = None) -> Ink:
    """Return the ink on a picture `grey` (h, w), 0 is black and 1 white; `dark` says which it is, if that is known.

    Raises NoDigitError for a picture without any.
    """
    if dark is None:
        dark = _is_dark(grey)
    light = grey if dark else 1.0 - grey
    smooth = _smoothed(light)
    paper = _closing(smooth, max(light.shape) // 6).clip(min=_DARKEST_PAPER)
    below = paper - smooth
    offset = _median(below)  # what the closing makes of noise
    below -= offset
    noise = 1.4826 * float(_median(np.abs(below)))
    lost = below / paper
    level = otsu(lost)
    strong = (lost > max(level, _LEAST_CONTRAST / 2)) & (below > _LEAST_NOISES * noise)
    if not strong.any():
        raise NoDigitError("no ink found: the picture is blank")
    full = float(np.quantile(lost[strong], 0.75))
    if full < _LEAST_CONTRAST:
        raise NoDigitError("no ink found: the picture is blank, or its ink too pale")
    faint = (lost > _FAINT * level) & (below > _FAINT * _LEAST_NOISES * noise)
    amount = (1.0 - (light + offset) / paper) / full
    return Ink(amount.clip(0.0, 1.0), strong | faint, dark)


def otsu(values: Pixels) -> float:
    """Return the threshold between two classes of values that are as far apart as possible (Otsu 1979).

    It maximises w₀ w₁ (μ₀ − μ₁)²: the shares of the classes, and their means.
    """
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    w0 = np.cumsum(counts)[:-1] / values.size
    sums = np.cumsum(counts * middles) / values.size
    between = (sums[-1] * w0 - sums[:-1]) ** 2 / np.maximum(w0 * (1 - w0), 1e-12)
    return float(edges[1 + int(between.argmax())])


def _is_dark(grey: Pixels) -> bool:
    """Tell whether the ink on a picture is darker than its paper: whether what differs from the paper is.

    What the paper is like is asked of the border and, since light can be uneven, of each pixel's wide surroundings. A
    pixel differs as much as it does from the one that it is nearer to: thick strokes fill their surroundings, and a
    shadow's paper is not that of the border.
    """
    h, w = (max(1, round(side * min(1.0, _ROUGH_PX / max(grey.shape)))) for side in grey.shape)
    rough = resampled(grey, (h, w))
    border = np.concatenate([rough[0], rough[-1], rough[:, 0], rough[:, -1]])
    radius = max(h, w) // 4
    # The median of each window by ranks, in two bytes each: the same number, in a sixth of the time.
    levels = np.unique(rough)
    ranks = np.searchsorted(levels, rough).astype(np.uint16)
    windows = sliding_window_view(np.pad(ranks, radius, mode="edge"), (2 * radius + 1, 2 * radius + 1))
    around = levels[_median(windows.reshape(h, w, -1))]
    from_border, from_around = rough - np.median(border), rough - around
    differs = np.where(np.abs(from_border) < np.abs(from_around), from_border, from_around)
    return float((differs**3).sum()) <= 0  # cubed: strokes, not the many pixels that differ by a little


def _median(a: NDArray[Any]) -> NDArray[Any]:
    """Return the medians of the last axis of a (…, n), or of all of an image (h, w); none is NaN.

    The bits of `np.median`, which also looks for NaN, in a part of its time.
    """
    values = a.reshape(-1) if a.ndim == 2 else a
    n = values.shape[-1]
    ordered = np.partition(values, n // 2, axis=-1)
    middle: NDArray[Any] = ordered[..., n // 2]
    if n % 2:
        return middle
    lower: NDArray[Any] = ordered[..., : n // 2].max(axis=-1)
    return np.asarray((lower + middle) / 2)


def _closing(a: Pixels, radius: int) -> Pixels:
    """Return a (h, w) with all that is darker and narrower than 2·radius + 1 pixels filled.

    Its border goes on outside, so that a shadow in a corner counts as wide.
    """
    outside = np.pad(a, radius, mode="edge")
    closed = -_largest(-_largest(outside, radius), radius)
    return closed[radius : radius + a.shape[0], radius : radius + a.shape[1]]


def _largest(a: Pixels, radius: int) -> Pixels:
    """Return the largest value around each pixel of a (h, w).

    The largest of 2ᵏ neighbours follow from those of 2ᵏ⁻¹: a few passes for a wide window, instead of one for each of
    its pixels.
    """
    size = 2 * radius + 1
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius, radius)
        a = np.moveaxis(np.pad(a, padding, constant_values=-np.inf), axis, 0)
        reach = 1
        while reach < size:
            by = min(reach, size - reach)
            a = np.maximum(a[:-by], a[by:])
            reach += by
        a = np.moveaxis(a, 0, axis)
    return a


def _smoothed(a: Pixels) -> Pixels:
    """Return means over 3 × 3 pixels of a large picture, where they are less than a stroke; a small one stays."""
    if min(a.shape) < 100:
        return a
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (1, 1)
        before, own, after = (
            (part, slice(None)) if axis == 0 else (slice(None), part)
            for part in (slice(None, -2), slice(1, -1), slice(2, None))
        )
        padded = np.pad(a, padding, mode="edge")
        a = padded[before] + padded[own]
        a += padded[after]
        a /= 3
    return a
