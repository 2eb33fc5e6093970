"""The kinds of files that sets come in, each known by its first bytes. A new format is a file beside this one, and a
line in `KINDS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.course_pickle import PICKLE_STARTS, decode_course_pickle
from mnistnn.data.formats.found import FoundImages, found_of
from mnistnn.data.formats.given import GivenFile, Wishes
from mnistnn.data.formats.idx import IDX_MAGIC, IMAGE_DIMENSIONS, decode_idx
from mnistnn.data.formats.image_folder import read_image_zip
from mnistnn.data.formats.image_set import (
    FILE_NAMES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    image_set_from_files,
)
from mnistnn.data.formats.libsvm import begins_like_libsvm, read_libsvm
from mnistnn.data.formats.mat import HDF5_MAGIC, MAT_STARTS
from mnistnn.data.formats.mat_set import read_mat
from mnistnn.data.formats.npz import ZIP_MAGIC, decode_npz, decode_single_arrays, holds_arrays
from mnistnn.data.formats.pixel_csv import begins_like_pixel_csv, read_pixel_csv
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import UsageError
from mnistnn.storage.compressed import decompressed_start
from mnistnn.storage.reading import data_error, read_file

EXPECTED = (
    "expected four IDX files; .csv, .npz, .mat or LIBSVM files, one or a pair for training and test; one mnist.pkl.gz; "
    "or a folder or .zip of images"
)

_START_BYTES = 4096


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    name     what messages call it
    begins   tells by the first bytes of a file, decompressed, whether it is of this kind
    read     returns what such files hold
    wishes   which of `Wishes` have a meaning for it; all images can be made another size
    """

    name: str
    begins: Callable[[bytes], bool]
    read: Callable[[Sequence[GivenFile], Wishes], FoundImages]
    wishes: frozenset[str] = frozenset()


def given_file(path: Path) -> GivenFile:
    """Read a file that somebody gives. Raises DataError if it cannot be read, or is too large."""
    content = read_file(path, MAX_SET_BYTES, data_error)
    return GivenFile(str(path), path.name, content, decompressed_start(content, _START_BYTES, str(path)))


def kind_of(files: Sequence[GivenFile]) -> Kind:
    """Return which kind these files are. Raises UsageError if they are of none, or not all of one."""
    kinds = [next((kind for kind in KINDS if kind.begins(file.start)), None) for file in files]
    for file, kind in zip(files, kinds, strict=True):
        if kind is None:
            xz = "; it is compressed by xz, unpack it" if file.start.startswith(b"\xfd7zXZ") else ""
            raise UsageError(f"{file.place}: is of no known kind{xz}; {EXPECTED}")
        if kind is not kinds[0] and kinds[0] is not None:
            raise UsageError(f"{files[0].place} is {kinds[0].name}, but {file.place} is {kind.name}; {EXPECTED}")
    assert kinds[0] is not None
    return kinds[0]


def idx_role(file: GivenFile, *, is_images: bool) -> str:
    """Return the canonical name of an IDX file; which half it belongs to is only in its own name."""
    file_name = file.name.lower()
    is_train = "train" in file_name
    is_test = "t10k" in file_name or "test" in file_name
    if is_train == is_test:
        raise UsageError(f"{file.place}: the name must contain either 'train', or 't10k' or 'test'")
    if is_train:
        return TRAIN_IMAGES if is_images else TRAIN_LABELS
    return TEST_IMAGES if is_images else TEST_LABELS


def idx_arrays(files: Sequence[GivenFile]) -> dict[str, tuple[GivenFile, NDArray[np.uint8]]]:
    """Return the four IDX files of a set by their canonical names. Raises UsageError if they are others."""
    if len(files) != len(FILE_NAMES):
        one = f"{files[0].place}: is one of the four IDX files of a set; give all four"
        raise UsageError(one if len(files) == 1 else f"{len(files)} files given; {EXPECTED}")
    found: dict[str, tuple[GivenFile, NDArray[np.uint8]]] = {}
    for file in files:
        array = decode_idx(file.content, file.place)
        role = idx_role(file, is_images=array.ndim == IMAGE_DIMENSIONS)
        if role in found:
            raise UsageError(f"{file.place}: is the second file of the same kind, after {found[role][0].name}")
        found[role] = file, array
    return found


def _read_idx(files: Sequence[GivenFile], _: Wishes) -> FoundImages:
    arrays = {role: array for role, (_, array) in idx_arrays(files).items()}
    return found_of(image_set_from_files(arrays, "the four files"))


def _read_pickle(files: Sequence[GivenFile], _: Wishes) -> FoundImages:
    if len(files) > 1:
        raise UsageError(f"{len(files)} files given; one pickle holds a whole set; {EXPECTED}")
    return found_of(decode_course_pickle(files[0].content, files[0].place))


def _read_zip(files: Sequence[GivenFile], wishes: Wishes) -> FoundImages:
    """Read archives of arrays, or of image files."""
    if not any(holds_arrays(file.content, file.place) for file in files):
        return read_image_zip(files, wishes)
    return decode_single_arrays(files) if len(files) > 1 else decode_npz(files[0].content, files[0].place)


IDX = Kind("an IDX file", lambda start: start.startswith(IDX_MAGIC), _read_idx)
ZIP = Kind(
    "a zip archive", lambda start: start.startswith((ZIP_MAGIC, b"PK\x05\x06")), _read_zip, frozenset({"labels"})
)
KINDS: tuple[Kind, ...] = (
    IDX,
    ZIP,
    Kind("a pickle", lambda start: start.startswith(PICKLE_STARTS), _read_pickle),
    Kind("a MAT-file", lambda start: start.startswith((*MAT_STARTS, HDF5_MAGIC)), read_mat, frozenset({"size_px"})),
    Kind("text in LIBSVM's format", begins_like_libsvm, read_libsvm, frozenset({"size_px"})),
    Kind("a table of pixels", begins_like_pixel_csv, read_pixel_csv, frozenset({"size_px"})),
)
