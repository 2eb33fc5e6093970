"""How the digits lie on the images of a set, so that a picture of one's own can be made into one like them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOOKED_AT = 500
"""Images of a set that are enough to know it by."""

_INK = 0.25  # of an image's strongest ink: more belongs to the digit
_ALIKE_PX = 1.5  # a box that differs by less from MNIST's is MNIST's


@dataclass(frozen=True)
class ImageStyle:
    """The style of a set's images.

    dark      whether ink is darker than paper
    box       the longer side of the digit, as a fraction of the image's shorter one
    by_mass   whether the centre of mass is in the middle of the image, and not that of the box
    """

    dark: bool = False
    box: float = 20 / 28
    by_mass: bool = True


MNIST_STYLE = ImageStyle()


def style_of(images: NDArray[np.floating]) -> ImageStyle:
    """Return the style of images (n, h, w), 0 is black and 1 white. Images without ink do not count."""
    dark = float(np.mean(border_brightness(images) > 0.5)) > 0.5
    ink = 1.0 - images if dark else images
    _, h, w = ink.shape
    strongest = ink.max(axis=(1, 2), keepdims=True)
    mask = (ink > _INK * strongest) & (strongest > 0)
    rows, columns = mask.any(axis=2), mask.any(axis=1)
    seen = rows.any(axis=1)
    if not seen.any():
        return ImageStyle(dark)
    ink, rows, columns = ink[seen], rows[seen], columns[seen]
    tops, bottoms = rows.argmax(axis=1), h - rows[:, ::-1].argmax(axis=1)
    lefts, rights = columns.argmax(axis=1), w - columns[:, ::-1].argmax(axis=1)
    box = float(np.median(np.maximum(bottoms - tops, rights - lefts))) / min(h, w)
    mass = ink.sum(axis=(1, 2))
    of_mass = (ink.sum(axis=2) @ np.arange(h) / mass - h // 2, ink.sum(axis=1) @ np.arange(w) / mass - w // 2)
    of_box = (tops + bottoms) / 2 - h / 2, (lefts + rights) / 2 - w / 2
    by_mass, by_box = (float(np.median(np.hypot(*off))) for off in (of_mass, of_box))
    is_that_of_mnist = abs(box - MNIST_STYLE.box) * min(h, w) <= _ALIKE_PX
    return ImageStyle(dark, MNIST_STYLE.box if is_that_of_mnist else box, by_mass <= by_box)


def border_brightness(images: NDArray[Any]) -> NDArray[np.floating]:
    """Return the median of the border of each image (n, h, w)."""
    edges = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    medians: NDArray[np.floating] = np.median(np.concatenate(edges, axis=1), axis=1)
    return medians


def style_from(kept: object) -> ImageStyle | None:
    """Return the style that a run has kept; None for anything else."""
    try:
        fields = dict(kept)  # type: ignore[call-overload] # what is no mapping raises
        style = ImageStyle(bool(fields["dark"]), float(fields["box"]), bool(fields["by_mass"]))
    except (TypeError, ValueError, KeyError):
        return None
    return style if 0 < style.box <= 2 else None
