"""The course's mnist.pkl.gz: a pickled triple of (images, labels) for training, validation and test.

Images are floats: byte/256 in the copies of LISA and Nielsen, byte/255 in others. The bytes are recovered
exactly or the file is refused. Training and validation, in this order, are the original training file.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set, labels_as_bytes
from mnistnn.data.formats.inert_pickle import load
from mnistnn.data.formats.pickled_array import PickledArray
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError
from mnistnn.storage.compressed import GZIP_MAGIC, gunzip

PICKLE_STARTS = (b"\x80", b"(", b"]")
"""How a pickle begins: with a protocol number, or with the tuple or list of protocol 1."""

_SCALES = (256, 255)
_CHUNK_EXAMPLES = 4096
_PART_NAMES = ("training", "validation", "test")


def decode_course_pickle(content: bytes, place: str) -> ImageSet:
    """Return the set in the bytes of a `mnist.pkl.gz`, or of the pickle inside it.

    Images (n, h·w) with h = w, or (n, h, w), float32 or float64; labels (n,) int32 or int64. Raises
    DataError, naming `place`, for anything else, and for pixels that are not all byte/256 or all byte/255.
    """
    raw = gunzip(content, MAX_SET_BYTES, place) if content.startswith(GZIP_MAGIC) else content
    parts = _parts(load(raw, place), place)
    for scale in _SCALES:
        images = [_bytes_from_floats(floats, scale) for floats, _ in parts]
        train, valid, test = images
        if train is not None and valid is not None and test is not None:
            break
    else:
        raise DataError(f"{place}: the pixels are not bytes divided by 256 or by 255")
    labels = [labels_as_bytes(integers, place) for _, integers in parts]
    if train.shape[1:] != valid.shape[1:]:
        raise DataError(f"{place}: training and validation images differ in size")
    return image_set(
        LabelledImages(np.concatenate([train, valid]), np.concatenate(labels[:2])),
        LabelledImages(test, labels[2]),
        place,
    )


def _parts(loaded: object, place: str) -> list[tuple[NDArray[np.floating[Any]], NDArray[np.integer[Any]]]]:
    """Check the structure of the triple; images come back as (n, h, w)."""
    if not isinstance(loaded, tuple | list) or len(loaded) != len(_PART_NAMES):
        raise DataError(f"{place}: expected three parts: training, validation and test")
    parts = []
    for name, part in zip(_PART_NAMES, loaded, strict=True):
        match part:
            case (PickledArray(values=np.ndarray() as images), PickledArray(values=np.ndarray() as labels)):
                pass
            case _:
                raise DataError(f"{place}: the {name} part is not a pair of arrays (images, labels)")
        if images.dtype.kind != "f" or labels.dtype.kind not in "iu" or images.shape[:1] != labels.shape:
            raise DataError(
                f"{place}: the {name} part must be float images and as many integer labels, got "
                f"{images.dtype}{images.shape} and {labels.dtype}{labels.shape}"
            )
        parts.append((_as_images(images, f"{place}: the {name} part"), labels))
    return parts


def _as_images(images: NDArray[np.floating[Any]], place: str) -> NDArray[np.floating[Any]]:
    if images.ndim == 3:
        return images
    side = round(images.shape[1] ** 0.5) if images.ndim == 2 else 0
    if side == 0 or side * side != images.shape[1]:
        raise DataError(f"{place} has images of shape {images.shape}, expected (n, side²) or (n, h, w)")
    return images.reshape(-1, side, side)


def _bytes_from_floats(images: NDArray[np.floating[Any]], scale: int) -> NDArray[np.uint8] | None:
    """Return the uint8 array b with b / scale == images everywhere, or None if there is none.

    Works in chunks, so that it needs little memory beside its result.
    """
    fractions = (np.arange(256) / scale).astype(images.dtype)  # (256,) the value of each byte
    result = np.empty(images.shape, dtype=np.uint8)
    for start in range(0, len(images), _CHUNK_EXAMPLES):
        chunk = images[start : start + _CHUNK_EXAMPLES]
        if not ((chunk >= 0) & (chunk <= fractions[-1])).all():  # also false for NaN
            return None
        nearest = np.rint(chunk * scale).astype(np.uint8)
        if not (fractions[nearest] == chunk).all():
            return None
        result[start : start + _CHUNK_EXAMPLES] = nearest
    return result
