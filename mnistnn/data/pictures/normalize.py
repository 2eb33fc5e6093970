"""A picture of a digit made into one like those of MNIST.

"The original black and white (bilevel) images from NIST were size normalized to fit in a 20x20 pixel box while
preserving their aspect ratio. The resulting images contain grey levels as a result of the anti-aliasing technique used
by the normalization algorithm. The images were centered in a 28x28 image by computing the center of mass of the pixels,
and translating the image so as to position this point at the center of the 28x28 field" (Y. LeCun, C. Cortes,
C. Burges). In the files the centre of mass, in pixels counted from 0, lies between 13.5 and 14.5, spread evenly: the
translation is by whole pixels, and the centre is pixel 14.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mnistnn.data.pictures.components import Box, Component, components_of, components_of_digit, label_components
from mnistnn.data.pictures.ink import Ink, NoDigitError, Pixels, find_ink
from mnistnn.data.pictures.resize import resampled
from mnistnn.data.pictures.style import MNIST_STYLE, ImageStyle

_SIDE_PX = 256  # of the picture in which the digit is looked for, and of the digit with its surroundings
_MARGIN = 0.25  # around the digit, of its longer side, when it is looked at closely
_CLOSE_ENOUGH = 0.8  # of the picture: no need to look closer
_LEAST_ENCLOSED = 0.2  # of a box: less is enclosed by a digit's own strokes, or nothing
_MOST_ON_A_SHEET = 0.15  # of a sheet, for what is written on it; digits fill less of their boxes
_LEAST_SHEET = 0.3  # of the picture's longer side
_TALL = 0.7  # of a digit's height: so high are both of two digits, and not the parts of one
_LEAST_TABLE_PX = 100  # of a picture's shorter side: a smaller one is no photograph of a sheet on a table
_OTHER_GROUND = 0.3  # of brightness, between a sheet and what it lies on
_LEAST_PX = 4  # of a digit's longer side
_THINNEST_PX = 1.6  # of strokes: those of one digit of MNIST in twenty are thinner
_WIDENED_PX = 2.0  # to which thinner ones are widened; half of MNIST's are thicker than 2.4
_LEAST_SHARE = 1 / 64  # of a digit's longer side, of that of the picture


@dataclass(frozen=True, eq=False)
class NormalizedDigit:
    """A digit as a model of MNIST sees it.

    image   (h, w), uint8; ink is 255, or 0 in a style of dark ink
    dark    whether the ink was darker than the paper
    box     height and width of the ink on the picture, in its pixels
    fitted  height and width of the ink on the image
    components  how many connected components the digit has; specks how many were left out
    beside  the ink of all that was left out, in multiples of the digit's
    crosses whether ink of it goes from one border of the picture to the opposite one
    framed  whether the paper does not fill the picture
    apart   whether it consists of two tall parts side by side, which could be two digits
    at      where the box of the ink is on the picture, in its pixels
    ink     the ink in that box, 1 is the full strength of strokes: what is fitted
    """

    image: NDArray[np.uint8]
    dark: bool
    box: tuple[int, int]
    fitted: tuple[int, int]
    components: int
    specks: int
    beside: float
    crosses: bool
    framed: bool
    apart: bool
    at: Box
    ink: Pixels


def normalize_digit(
    grey: Pixels, shape: tuple[int, int] = (28, 28), dark: bool | None = None, style: ImageStyle = MNIST_STYLE
) -> NormalizedDigit:
    """Return the digit on a picture `grey` (h, w), 0 is black and 1 white, as an image of `shape` in a style.

    `dark` says whether the ink is darker than the paper; if it is not known, it is found out. Raises NoDigitError.
    """
    small, scale = _reduced(grey)
    ink, digit, framed = _looked_for(small, dark)
    beside, crosses = digit.beside, digit.crosses  # on all of the picture
    if scale * max(digit.box.height, digit.box.width) < max(_LEAST_PX, _LEAST_SHARE * max(grey.shape)):
        raise NoDigitError("no ink found but specks")
    around = _around(digit.box, scale, grey.shape)
    top, left = 0, 0
    if around.height * around.width < _CLOSE_ENOUGH * grey.size:
        small, scale = _reduced(grey[around.top : around.bottom, around.left : around.right])
        ink = find_ink(small, ink.dark)
        digit = _digit(ink)
        top, left = around.top, around.left
    inked = _of_box(np.where(_near(digit.mask), ink.amount, 0.0), digit.box)
    image, fitted = fit(inked, shape, style)
    if style.dark:
        image = 1.0 - image
    size = round(scale * digit.box.height), round(scale * digit.box.width)
    return NormalizedDigit(
        image=np.rint(255 * image).astype(np.uint8),
        dark=ink.dark,
        box=size,
        fitted=fitted,
        components=digit.components,
        specks=digit.specks,
        beside=beside,
        crosses=crosses,
        framed=framed,
        apart=digit.apart,
        at=Box(
            top + round(scale * digit.box.top),
            left + round(scale * digit.box.left),
            top + round(scale * digit.box.bottom),
            left + round(scale * digit.box.right),
        ),
        ink=inked,
    )


def _looked_for(small: Pixels, dark: bool | None) -> tuple[Ink, "_Digit", bool]:
    """Return the ink on a picture and the digit that it makes up, and whether the paper is but a part of the picture.

    A sheet on a table of the other brightness has more contrast with that than ink has with it: then nothing is found,
    or the outline of the sheet, and the digit is of the other polarity. Raises NoDigitError.
    """
    if dark is not None:
        ink = find_ink(small, dark)
        return ink, _digit(ink), False
    try:
        ink = find_ink(small)
    except NoDigitError as error:
        for dark in (True, False):
            try:
                ink = find_ink(small, dark)
            except NoDigitError:
                continue
            return ink, _digit(ink), True
        raise error
    digit = _digit(ink)
    if _is_sheet(small, digit):
        try:
            inside = find_ink(small, not ink.dark)
        except NoDigitError:
            return ink, digit, False
        return inside, _digit(inside), True
    return ink, digit, False


def _is_sheet(grey: Pixels, digit: "_Digit") -> bool:
    """Tell whether what was found is a sheet: a box that is full but for something in it, or the outline of one, within
    which it is much brighter or darker than without.
    """
    if min(grey.shape) < _LEAST_TABLE_PX:
        return False
    box = digit.box
    within, without = np.zeros(grey.shape, bool), np.ones(grey.shape, bool)
    within[box.top : box.bottom, box.left : box.right] = True
    without[box.top : box.bottom, box.left : box.right] = False
    enclosed = within & ~_near(digit.mask)
    share = float(enclosed.sum() / within.sum())
    if 0 < share <= _MOST_ON_A_SHEET and min(box.height, box.width) > _LEAST_SHEET * max(grey.shape):
        return True
    if share < _LEAST_ENCLOSED or not without.any():
        return False
    return abs(float(np.median(grey[enclosed]) - np.median(grey[without]))) > _OTHER_GROUND


def fit(ink: Pixels, shape: tuple[int, int], style: ImageStyle = MNIST_STYLE) -> tuple[Pixels, tuple[int, int]]:
    """Return ink (h, w), which fills its box, on an image of `shape`, and the height and width that it has there."""
    box_h, box_w = (min(side, max(1, round(style.box * side))) for side in shape)
    ink = widened(ink, min(box_h, box_w))
    h, w = ink.shape
    factor = min(box_h / h, box_w / w)
    fitted = max(1, round(factor * h)), max(1, round(factor * w))
    small = resampled(ink, fitted)
    brightest = np.quantile(small[small > 0.1 * small.max()], 0.95)
    return centred((small / brightest).clip(0.0, 1.0), shape, style.by_mass), fitted


def widened(ink: Pixels, box_px: int) -> Pixels:
    """Return ink (h, w) with strokes as wide as a pen's will be in MNIST, if they are thinner than almost all there.

    A stroke grows by a disc: with w its width, L the digit's longer side and t the width wanted in a box of b pixels,
    (w + 2r) b = t (L + 2r). Of 300 digits with strokes of 0.4 pixels, two nets misclassified 4 and 5 % as they were,
    and 1.7 % when widened. Thick strokes stay.
    """
    longer = max(ink.shape)
    width = _stroke_width(ink, 3 * box_px)
    unit = box_px / 20
    if width * box_px >= _THINNEST_PX * unit * longer:
        return ink
    wanted = _WIDENED_PX * unit
    radius = (wanted * longer / box_px - width) / (2 * (1 - wanted / box_px))
    return ink if radius < 1 else _grown(np.pad(ink, int(radius)), radius)


def _stroke_width(ink: Pixels, side_px: int) -> float:
    """Return twice the area of the ink by the length of its outline, ∫ |∇ink|, measured on at most so many pixels."""
    factor = min(1.0, side_px / max(ink.shape))
    around = np.pad(ink, int(np.ceil(2 / factor)))
    h, w = (max(1, round(factor * side)) for side in around.shape)
    small = resampled(around, (h, w))
    down, across = np.diff(small, axis=0)[:, :-1], np.diff(small, axis=1)[:-1]
    return float(2 * small.sum() / np.hypot(down, across).sum() / factor)


def _grown(ink: Pixels, radius: float) -> Pixels:
    """Return the most ink within `radius` pixels of each pixel of ink (h, w)."""
    h, w = ink.shape
    whole = int(radius)
    padded, grown = np.pad(ink, whole), ink.copy()
    for down in range(-whole, whole + 1):
        half = int(np.sqrt(radius**2 - down**2))
        rows = padded[whole + down : whole + down + h, whole - half : whole + half + w]
        np.maximum(grown, sliding_window_view(rows, 2 * half + 1, axis=1).max(axis=-1), out=grown)
    return grown


def centred(small: Pixels, shape: tuple[int, int], by_mass: bool = True) -> Pixels:
    """Return a small image on an empty one of `shape`, its centre of mass, or itself, as near the centre as whole
    pixels allow.

    The centre is pixel h // 2, w // 2. Nothing is cut off: an image with its mass at one end stays at the edge.
    """
    mass = small.sum()
    image = np.zeros(shape)
    start = []
    for axis in (0, 1):
        n, side = small.shape[axis], shape[axis]
        if not by_mass:
            start.append((side - n) // 2)
            continue
        centre = float(small.sum(axis=1 - axis) @ np.arange(n)) / mass
        start.append(min(max(side // 2 - round(centre), 0), side - n))
    top, left = start
    image[top : top + small.shape[0], left : left + small.shape[1]] = small
    return image


@dataclass(frozen=True, eq=False)
class _Digit:
    """Where the digit is: its box, its pixels (a mask), of how many components, and how many specks are beside it."""

    box: Box
    mask: NDArray[np.bool_]
    components: int
    specks: int
    beside: float
    crosses: bool
    apart: bool


def _digit(ink: Ink) -> _Digit:
    labels = label_components(ink.mask)
    found = components_of(labels, ink.amount)
    digit = components_of_digit(found)
    box = digit[0].box
    for component in digit:
        box = box.joined(component.box)
    mask = np.isin(labels, [component.number for component in digit])
    of_digit = sum(component.ink for component in digit)
    beside = sum(component.ink for component in found) - of_digit
    h, w = labels.shape
    crosses = any(
        (each.box.left == 0 and each.box.right == w) or (each.box.top == 0 and each.box.bottom == h) for each in found
    )
    beside /= max(of_digit, 1e-12)
    return _Digit(box, mask, len(digit), len(found) - len(digit), beside, crosses, _are_apart(digit, box))


def _are_apart(components: list[Component], whole: Box) -> bool:
    """Tell whether two components of a digit stand side by side, each almost as high as the whole."""
    tall = sorted(
        (each.box for each in components if each.box.height >= _TALL * whole.height), key=lambda box: box.left
    )
    return any(left.right <= right.left for left, right in pairwise(tall))


def _reduced(grey: Pixels) -> tuple[Pixels, float]:
    """Return a picture with at most _SIDE_PX pixels a side, and how many of its own pixels are one of these."""
    scale = max(grey.shape) / _SIDE_PX
    if scale <= 1:
        return grey, 1.0
    h, w = (max(1, round(side / scale)) for side in grey.shape)
    return resampled(grey, (h, w)), scale


def _around(box: Box, scale: float, shape: tuple[int, ...]) -> Box:
    """Return the surroundings of a box, which is in pixels of `scale`, on the picture of `shape`."""
    margin = _MARGIN * max(box.height, box.width)
    top, left = (max(0, int(scale * (start - margin))) for start in (box.top, box.left))
    bottom = min(shape[0], int(scale * (box.bottom + margin)) + 1)
    right = min(shape[1], int(scale * (box.right + margin)) + 1)
    return Box(top, left, bottom, right)


def _of_box(a: Pixels, box: Box) -> Pixels:
    return a[box.top : box.bottom, box.left : box.right]


def _near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask (h, w) and its neighbours, where strokes fade out."""
    padded = np.pad(mask, 1)
    h, w = mask.shape
    near = mask.copy()
    for down in (0, 1, 2):
        for across in (0, 1, 2):
            near |= padded[down : down + h, across : across + w]
    return near
