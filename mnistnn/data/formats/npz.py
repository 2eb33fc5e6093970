"""Sets in one .npz file, with arrays called x_train, y_train, x_test and y_test as Keras has them or in other ways, and
in several .npz files with one array each.

An .npz is a zip of .npy files. NumPy's reader evaluates the header and allocates what it states, so both the
zip entry and the header are checked here first, and NumPy only ever sees bytes whose number is right. Pickled
objects are not read.
"""

import io
import math
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.array_names import is_of_labels, listed, roles_of
from mnistnn.data.formats.found import FoundImages, found_images
from mnistnn.data.formats.given import GivenFile, Half, half_of
from mnistnn.data.formats.image_set import way_out
from mnistnn.data.formats.pixel_values import GREY_OF_COLOURS, grey_of
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError
from mnistnn.storage.compressed import ZIP_ERRORS

ZIP_MAGIC = b"PK\x03\x04"

_IMAGE_AXES = 3
_MAX_MEMBERS = 64
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


def decode_npz(content: bytes, place: str) -> FoundImages:
    """Return the images and labels in the bytes of an .npz file, whose arrays are named as `array_names` says.

    Images (n, h, w), (n, h, w, 1) or, in colours, (n, h, w, 3), uint8; labels (n,) or (n, 1) of any integer type,
    values in 0..255. Raises DataError, naming `place` and the array, for everything else.
    """
    with _archive(content, place) as archive:
        roles, left_out = roles_of(_array_names(archive), place)
        arrays = {name: _read_member(archive, name, f"{place}: {name}") for name in roles}
    images: dict[Half, NDArray[np.uint8]] = {}
    labels: dict[Half, NDArray[Any]] = {}
    said = [] if not left_out else [f"{place}: left out: {', '.join(left_out)}"]
    for name, (half, kind) in roles.items():
        if kind == "images":
            images[half], of_colours = as_images(arrays[name], f"{place}: {name}")
            said += of_colours
        else:
            labels[half] = as_labels(arrays[name], f"{place}: {name}")
    return found_images(images, labels, place, list(dict.fromkeys(said)))


def decode_single_arrays(files: Sequence[GivenFile]) -> FoundImages:
    """Return the images and labels in .npz files that have one array each, as Kuzushiji-MNIST comes.

    Which half a file is, its name says; whether it has images or labels, its axes. Raises DataError, naming the file.
    """
    images: dict[Half, NDArray[np.uint8]] = {}
    labels: dict[Half, NDArray[Any]] = {}
    said: list[str] = []
    for file in files:
        half = half_of(file.name)
        if half is None:
            raise DataError(f"{file.place}: its name must say which half it is: 'train', 'test' or 'valid'")
        with _archive(file.content, file.place) as archive:
            names = _array_names(archive)
            if len(names) != 1:
                raise DataError(
                    f"{file.place}: has {listed(names)}; of several .npz files each has one array, of images or labels"
                )
            array = _read_member(archive, names[0], f"{file.place}: {names[0]}")
        kinds: dict[Half, NDArray[Any]] = labels if array.ndim < _IMAGE_AXES else images
        if half in kinds:
            raise DataError(f"{file.place}: is a second array of the same kind for the {half} half")
        if kinds is labels:
            labels[half] = as_labels(array, file.place)
        else:
            images[half], of_colours = as_images(array, file.place)
            said += of_colours
    place = files[0].place
    if "train" not in images or images.keys() != labels.keys():
        raise DataError(
            f"{place}: of each half one file of images and one of labels is needed; found images of "
            f"{listed(list(images)) or 'none'} and labels of {listed(list(labels)) or 'none'}"
        )
    return found_images(images, labels, place, list(dict.fromkeys(said)))


def holds_arrays(content: bytes, place: str) -> bool:
    """Tell whether an archive is an .npz. Raises DataError if it is damaged."""
    with _archive(content, place) as archive:
        return any(entry.filename.endswith(".npy") for entry in archive.infolist())


def as_images(array: NDArray[Any], place: str) -> tuple[NDArray[np.uint8], list[str]]:
    """Return an array as images (n, h, w), and what is to be said of that. Raises DataError, naming `place`."""
    if array.dtype == np.uint8 and array.ndim == 4 and array.shape[-1] in (1, 3):
        return (array[..., 0], []) if array.shape[-1] == 1 else (grey_of(array), [GREY_OF_COLOURS])
    if array.dtype != np.uint8 or array.ndim != 3:
        raise DataError(
            f"{place} must be uint8 of shape (n, height, width), or (n, height, width, 1 or 3), got {_kind(array)}"
            f"{way_out(array.shape)}"
        )
    return array, []


def as_labels(array: NDArray[Any], place: str) -> NDArray[Any]:
    """Return an array as labels (n,). Raises DataError, naming `place`."""
    if array.ndim == 2 and 1 in array.shape:  # of an axis of one there is only one meaning
        array = array.reshape(-1)
    if array.ndim != 1:
        one_hot = "; is it one-hot? np.argmax(labels, axis=1) makes labels of it" if array.ndim == 2 else ""
        raise DataError(f"{place} must be integers of shape (n,), got {_kind(array)}{one_hot}")
    return array


@contextmanager
def _archive(content: bytes, place: str) -> Iterator[zipfile.ZipFile]:
    """Open an archive of a size that is allowed. Raises DataError, naming `place`, also for damage met inside."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            total_bytes = sum(entry.file_size for entry in archive.infolist())
            if total_bytes > MAX_SET_BYTES:
                raise DataError(f"{place}: {total_bytes} bytes, more than the {MAX_SET_BYTES} that are allowed")
            yield archive
    except ZIP_ERRORS as error:
        raise DataError(f"{place}: the archive is damaged ({error})") from error


def _array_names(archive: zipfile.ZipFile) -> list[str]:
    return list(dict.fromkeys(entry.filename.removesuffix(".npy") for entry in archive.infolist()))


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
        floats = "" if "f" not in match["dtype"] else _FLOATS[is_of_labels(place.rpartition(": ")[2])]
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
