"""Sets in one .npz file with the arrays x_train, y_train, x_test and y_test, as Keras distributes them.

An .npz is a zip of .npy files. NumPy's reader evaluates the header and allocates what it states, so both the
zip entry and the header are checked here first, and NumPy only ever sees bytes whose number is right. Pickled
objects are not read.
"""

import io
import math
import re
import struct
import zipfile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set, labels_as_bytes, way_out
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError
from mnistnn.storage.compressed import ZIP_ERRORS

ZIP_MAGIC = b"PK\x03\x04"

_ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")
_MAX_MEMBERS, _MAX_SHOWN = 64, 12
_NPY_MAGIC = b"\x93NUMPY"
_MAX_NPY_HEADER_BYTES = 4096
_ENCRYPTED = 0x1
_READABLE_COMPRESSION = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_FLOATS = {
    False: "; of floats from 0 to 1, np.rint(255 * x).astype(np.uint8) makes bytes",
    True: "; of rows with a one for the class, y.argmax(axis=1) makes labels, of other floats y.astype(np.uint8)",
}
_INTEGER_DTYPES = {"|u1", "|i1"} | {f"{order}{kind}{size}" for order in "<>" for kind in "iu" for size in "248"}

# NumPy writes the keys of the header in this order; the shape has at most four sizes of at most ten digits.
_NPY_HEADER = re.compile(
    r"\{'descr': '(?P<dtype>[<>|]\w{1,4})', 'fortran_order': (?P<fortran>True|False), "
    r"'shape': \((?P<shape>(?:\d{1,10}, ?){0,3}(?:\d{1,10},?)?)\),? ?\} *\n?"
)


def decode_npz(content: bytes, place: str) -> ImageSet:
    """Return the set in the bytes of a Keras-style .npz file.

    x_train, x_test (n, h, w) or (n, h, w, 1) uint8; y_train, y_test (n,) or (n, 1) of any integer type, values in
    0..255. Raises
    DataError, naming `place` and the array, for everything else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            total_bytes = sum(entry.file_size for entry in archive.infolist())
            if total_bytes > MAX_SET_BYTES:
                raise DataError(f"{place}: {total_bytes} bytes, more than the {MAX_SET_BYTES} that are allowed")
            _refuse_other_names(archive, place)
            arrays = {name: _read_member(archive, name, f"{place}: {name}") for name in _ARRAY_NAMES}
    except ZIP_ERRORS as error:
        raise DataError(f"{place}: the archive is damaged ({error})") from error
    for name, array in arrays.items():  # of a last axis of one there is only one meaning
        if array.ndim > (3 if name.startswith("x") else 1) and array.shape[-1] == 1:
            arrays[name] = array[..., 0]
    for name in ("x_train", "x_test"):
        if arrays[name].dtype != np.uint8 or arrays[name].ndim != 3:
            hint = way_out(arrays[name].shape)
            raise DataError(
                f"{place}: {name} must be uint8 of shape (n, height, width), got {_kind(arrays[name])}{hint}"
            )
    for name in ("y_train", "y_test"):
        if arrays[name].ndim != 1:
            one_hot = "; is it one-hot? np.argmax(labels, axis=1) makes labels of it" if arrays[name].ndim == 2 else ""
            raise DataError(f"{place}: {name} must be integers of shape (n,), got {_kind(arrays[name])}{one_hot}")
    return image_set(
        LabelledImages(arrays["x_train"], labels_as_bytes(arrays["y_train"], f"{place}: y_train")),
        LabelledImages(arrays["x_test"], labels_as_bytes(arrays["y_test"], f"{place}: y_test")),
        place,
    )


def _refuse_other_names(archive: zipfile.ZipFile, place: str) -> None:
    """Raise DataError, with what there is, if an array is not there."""
    names = [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
    lacking = [name for name in _ARRAY_NAMES if name not in names]
    if lacking:
        there = ", ".join(names[:_MAX_SHOWN]) + (", …" if len(names) > _MAX_SHOWN else "") or "nothing"
        raise DataError(
            f"{place}: has {there}; expected {', '.join(_ARRAY_NAMES)}"
            f"{f', and {lacking[0]} is missing' if len(lacking) == 1 else ''}"
        )


def _read_member(archive: zipfile.ZipFile, name: str, place: str) -> NDArray[Any]:
    entries = archive.infolist()
    if len(entries) > _MAX_MEMBERS:
        raise DataError(f"{place}: the archive has {len(entries)} members, more than {_MAX_MEMBERS}")
    found = [entry for entry in entries if entry.filename == f"{name}.npy"]
    if len(found) != 1:
        raise DataError(f"{place}: expected once in the archive, found {len(found)} times")
    (entry,) = found
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _READABLE_COMPRESSION:
        raise DataError(f"{place}: encrypted, or compressed in another way than deflate")
    with archive.open(entry) as file:
        return _read_npy(file, entry.file_size, place)


def _read_npy(file: IO[bytes], file_bytes: int, place: str) -> NDArray[Any]:
    """Read an array of integers from an open .npy file that claims to have `file_bytes` bytes."""
    header, before_values = _read_npy_header(file, place)
    match = _NPY_HEADER.fullmatch(header)
    if match is None:
        raise DataError(f"{place}: the array header is not one that is read: {header[:120]!r}")
    if match["dtype"] not in _INTEGER_DTYPES:
        floats = "" if "f" not in match["dtype"] else _FLOATS["y_" in place.rpartition(": ")[2]]
        raise DataError(
            f"{place}: type {match['dtype']!r} is not read, expected uint8 images or integer labels{floats}"
        )
    dtype = np.dtype(match["dtype"])
    shape = tuple(int(size) for size in match["shape"].replace(",", " ").split())
    if 0 in shape:
        raise DataError(f"{place}: the array is empty (shape {shape})")
    array_bytes = math.prod(shape) * dtype.itemsize
    if array_bytes != file_bytes - before_values:
        raise DataError(f"{place}: shape {shape} needs {array_bytes} bytes, found {file_bytes - before_values}")
    values = file.read(array_bytes + 1)  # one more, so that the archive's checksum is verified at the end
    if len(values) != array_bytes:
        raise DataError(f"{place}: the array ends too early")
    array: NDArray[Any] = np.frombuffer(values, dtype=dtype)
    return array.reshape(shape, order="F" if match["fortran"] == "True" else "C")


def _read_npy_header(file: IO[bytes], place: str) -> tuple[str, int]:
    """Return the header of a .npy file, and the offset at which the values begin."""
    start = file.read(8)
    if len(start) < 8 or start[:6] != _NPY_MAGIC:
        raise DataError(f"{place}: is not a NumPy array")
    length_format = {1: "<H", 2: "<I"}.get(start[6])
    if length_format is None:
        raise DataError(f"{place}: .npy version {start[6]} is not read")
    length_field = file.read(struct.calcsize(length_format))
    (length,) = struct.unpack(length_format, length_field)
    if length > _MAX_NPY_HEADER_BYTES:
        raise DataError(f"{place}: an array header of {length} bytes")
    header = file.read(length)
    return header.decode("latin-1"), len(start) + len(length_field) + len(header)


def _kind(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"
