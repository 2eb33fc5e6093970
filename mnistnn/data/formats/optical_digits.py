"""The digits of scikit-learn: a gzip-compressed table of 64 pixels from 0 to 16 and the label, a line for an image.

They are the test images of E. Alpaydin and C. Kaynak: Optical Recognition of Handwritten Digits (1998). Nobody said
which of them are for training: here a sixth of each class, after a stream of fixed random numbers, is for tests, and
another for validation.
"""

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.rng import stream
from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set
from mnistnn.errors import DataError
from mnistnn.storage.compressed import gunzip

_SIDE = 8
_BRIGHTEST = 16
_CLASSES = 10
_SHARE = 6
_MAX_BYTES = 1 << 20


def decode_optical_digits(content: bytes, place: str) -> ImageSet:
    """Return the set. A pixel v becomes the byte nearest to 255 v / 16; 127.5 is rounded up.

    Raises DataError, naming `place`, for anything else than such a table.
    """
    text = bytes(gunzip(content, _MAX_BYTES, place))
    try:
        table = np.array([[float(value) for value in line.split(b",")] for line in text.splitlines()])
    except ValueError as error:
        raise DataError(f"{place}: is not a table of numbers") from error
    if table.ndim != 2 or table.shape[1] != _SIDE * _SIDE + 1 or not (table == table.round()).all():
        raise DataError(f"{place}: expected lines of {_SIDE * _SIDE} pixels and a label, all whole numbers")
    pixels, labels = table[:, :-1], table[:, -1]
    if not (pixels.min() >= 0 and pixels.max() <= _BRIGHTEST and labels.min() >= 0 and labels.max() < _CLASSES):
        raise DataError(f"{place}: pixels must be 0 to {_BRIGHTEST}, labels 0 to {_CLASSES - 1}")
    images = np.floor(255 * pixels / _BRIGHTEST + 0.5).astype(np.uint8).reshape(-1, _SIDE, _SIDE)
    whole = LabelledImages(images, labels.astype(np.uint8))
    train, valid, test = (_part(whole, numbers) for numbers in _split(whole.labels))
    return image_set(train, test, place, valid)


def _split(labels: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
    """Return which images (of each class in the same proportion) are for training, validation and tests."""
    rng = stream(0, "generate", 0)
    parts: list[list[NDArray[np.intp]]] = [[], [], []]
    for label in range(_CLASSES):
        numbers = rng.permutation(np.flatnonzero(labels == label))
        sixth = len(numbers) // _SHARE
        cut = np.split(numbers, [len(numbers) - 2 * sixth, len(numbers) - sixth])
        for part, piece in zip(parts, cut, strict=True):
            part.append(piece)
    return [rng.permutation(np.concatenate(part)) for part in parts]


def _part(whole: LabelledImages, numbers: NDArray[np.intp]) -> LabelledImages:
    return LabelledImages(whole.images[numbers], whole.labels[numbers])
