"""The IDX format of the original MNIST files: a magic number, the sizes, then the bytes.

    offset 0   two zero bytes, a type code (8: unsigned byte), the number of dimensions
    offset 4   one big-endian 32-bit size for each dimension
    then       the values, the last dimension running fastest

Only unsigned bytes with one dimension (labels) or three (images) are read. Nothing is allocated from a size
that the file merely claims.
"""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError
from mnistnn.storage.compressed import GZIP_MAGIC, gunzip, gunzip_start

IDX_MAGIC = b"\x00\x00\x08"
"""The start of every IDX file of unsigned bytes; the number of dimensions follows."""

MAX_HEADER_BYTES = 16
LABEL_DIMENSIONS = 1
IMAGE_DIMENSIONS = 3

_UNSIGNED_BYTE = 8
_TYPE_NAMES = {9: "int8", 11: "int16", 12: "int32", 13: "float32", 14: "float64"}


def decode_idx(content: bytes, place: str) -> NDArray[np.uint8]:
    """Return the array in the bytes of an IDX file, gzip-compressed or not; read-only, (n,) or (n, h, w).

    Raises DataError, naming `place`, for any other type or number of dimensions, an empty dimension, and a
    length that is not exactly what the header implies.
    """
    raw: bytes | bytearray = content
    if content.startswith(GZIP_MAGIC):
        shape = idx_shape(gunzip_start(content, MAX_HEADER_BYTES, place), place)
        raw = gunzip(content, _file_bytes(shape), place)
    else:
        shape = idx_shape(content[:MAX_HEADER_BYTES], place)
    if len(raw) != _file_bytes(shape):
        raise DataError(f"{place}: has {len(raw)} bytes, expected exactly {_file_bytes(shape)} for shape {shape}")
    array = np.frombuffer(raw, dtype=np.uint8, offset=header_bytes(shape)).reshape(shape)
    array.flags.writeable = False
    return array


def encode_idx(array: NDArray[np.uint8]) -> bytes:
    """Return the IDX file of a uint8 array with one or three dimensions."""
    assert array.dtype == np.uint8
    return b"".join((encode_header(array.shape), np.ascontiguousarray(array).data))


def encode_header(shape: tuple[int, ...]) -> bytes:
    """Return what precedes the values of a uint8 array of this shape."""
    return struct.pack(f">HBB{len(shape)}I", 0, _UNSIGNED_BYTE, len(shape), *shape)


def idx_shape(header: bytes, place: str, max_bytes: int = MAX_SET_BYTES) -> tuple[int, ...]:
    """Return the shape stated by the first bytes of an IDX file, once it is one that can be read."""
    if len(header) < 4:
        raise DataError(f"{place}: too short for an IDX file")
    zero, type_code, dimensions = struct.unpack(">HBB", header[:4])
    if zero != 0 or (type_code != _UNSIGNED_BYTE and type_code not in _TYPE_NAMES):
        raise DataError(f"{place}: not an IDX file (it starts with {header[:4].hex(' ')})")
    if type_code != _UNSIGNED_BYTE:
        raise DataError(f"{place}: holds {_TYPE_NAMES[type_code]} values, but only unsigned bytes are read")
    if dimensions not in (LABEL_DIMENSIONS, IMAGE_DIMENSIONS):
        raise DataError(f"{place}: has {dimensions} dimensions, expected 1 (labels) or 3 (images)")
    if len(header) < 4 + 4 * dimensions:
        raise DataError(f"{place}: ends inside its header")
    shape = struct.unpack_from(f">{dimensions}I", header, offset=4)
    if 0 in shape:
        raise DataError(f"{place}: is empty (shape {shape})")
    if math.prod(shape) > max_bytes:
        raise DataError(f"{place}: shape {shape} is more than the {max_bytes} bytes that are allowed")
    return shape


def header_bytes(shape: tuple[int, ...]) -> int:
    """Return where the values of an IDX file of this shape begin."""
    return 4 + 4 * len(shape)


def _file_bytes(shape: tuple[int, ...]) -> int:
    return header_bytes(shape) + math.prod(shape)
