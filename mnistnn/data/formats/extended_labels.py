"""The labels of QMNIST: an IDX file of big-endian 32-bit integers, eight columns for each digit.

Column 0 is the digit; the others say who wrote it, and where it is in the database of NIST. The format is described by
C. Yadav and L. Bottou (2019), https://github.com/facebookresearch/qmnist.
"""

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.idx import decode_idx
from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set, labels_as_bytes
from mnistnn.errors import DataError
from mnistnn.storage.compressed import GZIP_MAGIC, gunzip

_OF_MNIST = 10_000
_COLUMNS = 8
_INT32, _DIMENSIONS = 12, 2
_HEADER = struct.Struct(">HBBII")
_MOST_LABELS = 1 << 20
_MAX_BYTES = _HEADER.size + 4 * _COLUMNS * _MOST_LABELS


def decode_extended_labels(content: bytes, place: str) -> NDArray[np.uint8]:
    """Return the digits (n,) of a file, gzip-compressed or not. Raises DataError, naming `place`, for anything else."""
    raw = gunzip(content, _MAX_BYTES, place) if content.startswith(GZIP_MAGIC) else content
    if len(raw) < _HEADER.size:
        raise DataError(f"{place}: too short for a file of extended labels")
    zero, type_code, dimensions, rows, columns = _HEADER.unpack_from(raw)
    if (zero, type_code, dimensions, columns) != (0, _INT32, _DIMENSIONS, _COLUMNS):
        raise DataError(f"{place}: not an IDX file of int32 in {_COLUMNS} columns (it starts with {raw[:12].hex(' ')})")
    if rows == 0 or len(raw) != _HEADER.size + 4 * _COLUMNS * rows:
        raise DataError(f"{place}: has {len(raw)} bytes, which are not {rows} rows")
    table = np.frombuffer(raw, dtype=">i4", offset=_HEADER.size).reshape(rows, _COLUMNS)
    return labels_as_bytes(table[:, 0], place)


def decode_qmnist(contents: Mapping[str, bytes], place: str) -> ImageSet:
    """Return the set in the four files of QMNIST. Raises DataError, naming `place` or the file."""
    return image_set(_half(contents, "train"), _half(contents, "test"), place)


def decode_qmnist_50k(contents: Mapping[str, bytes], place: str) -> LabelledImages:
    """Return the test digits of QMNIST that are not among those of MNIST: all but the first 10,000."""
    whole = _half(contents, "test")
    if len(whole.images) <= _OF_MNIST or len(whole.images) != len(whole.labels):
        raise DataError(f"{place}: {len(whole.images)} test images and {len(whole.labels)} labels")
    return LabelledImages(whole.images[_OF_MNIST:], whole.labels[_OF_MNIST:])


def _half(contents: Mapping[str, bytes], called: str) -> LabelledImages:
    images, labels = f"qmnist-{called}-images-idx3-ubyte.gz", f"qmnist-{called}-labels-idx2-int.gz"
    return LabelledImages(decode_idx(contents[images], images), decode_extended_labels(contents[labels], labels))
