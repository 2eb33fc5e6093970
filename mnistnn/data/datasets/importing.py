"""Bring a user's own files into the cache, offline: `mnistnn data add NAME FILES…`.

What the files are is read from their first bytes, not from their endings: four IDX files (gzip-compressed or
not), one .npz, one mnist.pkl.gz, or one folder of PNG files. Under the name of a set whose bytes are known only these
are accepted, so this is also how such a set gets onto a machine without a network.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.class_names import checked_names
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import fixed_set
from mnistnn.data.datasets.examination import inverted, is_to_be_mixed, mixed, oddities, refuse_empty_images
from mnistnn.data.datasets.fetch import fetching_of
from mnistnn.data.formats.course_pickle import PICKLE_STARTS, decode_course_pickle
from mnistnn.data.formats.idx import IDX_MAGIC, IMAGE_DIMENSIONS, decode_idx
from mnistnn.data.formats.image_folder import read_image_folder
from mnistnn.data.formats.image_set import (
    FILE_NAMES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    ImageSet,
    image_set_from_files,
)
from mnistnn.data.formats.npz import ZIP_MAGIC, decode_npz
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import UsageError
from mnistnn.storage.compressed import GZIP_MAGIC, gunzip_start
from mnistnn.storage.reading import data_error, read_file

_EXPECTED = "expected four IDX files, or one .npz, one mnist.pkl.gz, or one folder with train/ and test/"


def add(
    name: str,
    paths: Sequence[Path],
    *,
    replace: bool = False,
    invert: bool = False,
    class_names: Sequence[str] | None = None,
    progress: bool = False,
) -> list[str]:
    """Read a set from files and store it under `name`; return what is to be said of it, in a line each.

    invert       exchange dark and bright
    class_names  what the classes are called, by label; otherwise what the files call them, if they do
    progress     say on stderr what is fetched: of a known set, the part that another set has

    Raises UsageError if the files are not one of the known kinds or, unless `replace`, the name is taken;
    DataError if they are malformed or, under the name of a set whose bytes are known, not these.
    """
    folder = cache.set_folder(name)
    with cache.locked(name):
        if cache.is_stored(name) and not replace:
            raise UsageError(f"{folder}: a set named {name!r} is there already; --force replaces it")
        known = fixed_set(name)
        if known is not None:
            for option, is_given in (("--invert", invert), ("--classes", class_names is not None)):
                if is_given:
                    raise UsageError(f"{option} would make another set of {name}; give it another name")
            images, origins = known.adopt(name, paths, _read, fetching_of(progress=progress))
            cache.install(name, known.completed(name, images, ", ".join(map(str, paths))), origins)
            return []
        images, origins = _read(paths)
        refuse_empty_images(images, ", ".join(map(str, paths)))
        images = inverted(images) if invert else images
        if class_names is not None:
            names = checked_names(class_names, "--classes", images.classes)
            images = dataclasses.replace(images, class_names=names)
        said = [*images.said, *oddities(images)]
        if images.valid is not None:
            said.append(f"its {len(images.valid.labels)} validation images are the validation split of experiments")
        elif is_to_be_mixed(images):
            images = mixed(images)
            said.append(
                "the last training images, which are for validation, lacked a class or more: all are stored in a mixed "
                "order, by which they have each"
            )
        cache.install(name, images, origins)
        return said


def _read(paths: Sequence[Path]) -> tuple[ImageSet, dict[str, str]]:
    """Return the set, and for each canonical file the name of the file it was read from."""
    if len(paths) > 1 and all(path.suffix.lower() == ".npz" for path in paths):
        raise UsageError(
            f"{len(paths)} files given; {_EXPECTED}. One .npz holds all: np.savez('set.npz', x_train=…, y_train=…, "
            "x_test=…, y_test=…)"
        )
    if len(paths) == len(FILE_NAMES):
        return _read_idx_files(paths)
    if len(paths) != 1:
        if all(path.suffix.lower() == ".csv" for path in paths):
            _read_single_file(paths[0])
        raise UsageError(f"{len(paths)} files given; {_EXPECTED}")
    (path,) = paths
    images = read_image_folder(path) if os.path.isdir(path) else _read_single_file(path)
    return images, dict.fromkeys(FILE_NAMES, path.name)


def _read_single_file(path: Path) -> ImageSet:
    content = read_file(path, MAX_SET_BYTES, data_error)
    place = str(path)
    start = gunzip_start(content, 4, place) if content.startswith(GZIP_MAGIC) else content[:4]
    if start.startswith(IDX_MAGIC):
        raise UsageError(f"{path}: is one of the four IDX files of a set; give all four")
    if start == ZIP_MAGIC:
        return decode_npz(content, place)
    if start.startswith(PICKLE_STARTS):
        return decode_course_pickle(content, place)
    if path.suffix.lower() in (".csv", ".tsv"):
        raise UsageError(
            f"{path}: a table of pixels is not read; {_EXPECTED}. NumPy makes an .npz of it: np.savez('set.npz', "
            "x_train=…, y_train=…, x_test=…, y_test=…), images (n, height, width) uint8, labels (n,)"
        )
    raise UsageError(f"{path}: is of no known kind; {_EXPECTED}")


def _read_idx_files(paths: Sequence[Path]) -> tuple[ImageSet, dict[str, str]]:
    arrays: dict[str, NDArray[np.uint8]] = {}
    origins: dict[str, str] = {}
    for path in paths:
        content = read_file(path, MAX_SET_BYTES, data_error)
        array = decode_idx(content, str(path))
        file_name = _role(path, is_images=array.ndim == IMAGE_DIMENSIONS)
        if file_name in arrays:
            raise UsageError(f"{path}: is the second file of the same kind, after {origins[file_name]}")
        arrays[file_name], origins[file_name] = array, path.name
    return image_set_from_files(arrays, "the four files"), origins


def _role(path: Path, *, is_images: bool) -> str:
    """Return the canonical name of an IDX file; which half it belongs to is only in its own name."""
    file_name = path.name.lower()
    is_train = "train" in file_name
    is_test = "t10k" in file_name or "test" in file_name
    if is_train == is_test:
        raise UsageError(f"{path}: the name must contain either 'train', or 't10k' or 'test'")
    if is_train:
        return TRAIN_IMAGES if is_images else TRAIN_LABELS
    return TEST_IMAGES if is_images else TEST_LABELS
