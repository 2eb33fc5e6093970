"""Digits on the page: a picture each, and what was predicted for it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.plots.contact_sheet import encode_png


@dataclass(frozen=True)
class Digit:
    """A digit: the picture, its class, the predicted class, and what is said below, such as how surely."""

    base64: str
    true: str
    predicted: str
    said: Sequence[str]


def picture_base64(image: NDArray[np.uint8]) -> str:
    """Return an image (h, w) as PNG, in base64."""
    return base64.b64encode(encode_png(image)).decode()
