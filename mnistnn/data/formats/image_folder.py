"""A set as image files: `train/<label>/*.png` and `test/<label>/*.png`, and perhaps `valid/<label>/*.png`.

If all folder names are numbers they are the labels; otherwise the labels count the sorted names, which the classes
are called by. Within each half the files are put in an order that depends on their names alone but mixes the labels (by
a digest of the name): the validation split is the end of the training files, and must not consist of the last label
only.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.class_names import MOST_CLASSES, checked_names
from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.data.pictures.read import read_picture
from mnistnn.errors import DataError
from mnistnn.storage.reading import data_error

_MAX_SIDE_PX = 1024
_SUFFIXES = (".png", ".jpg", ".jpeg", ".pgm", ".pbm", ".ppm")
_NAMES = {"train": ("train", "training"), "test": ("test", "testing"), "valid": ("valid", "validation", "val")}
_LEFT_BEHIND = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"}
"""What systems leave in every folder, beside names that begin with a dot."""


def read_image_folder(folder: Path) -> ImageSet:
    """Return the set in a folder of image files; colour becomes luminance, what is transparent paper, as in `predict`.

    Raises DataError, naming the file or folder, for anything that is not an image of the common size, of at most 1024
    pixels a side, and when Pillow is not installed.
    """
    halves = {half: _subfolders(path) for half in _NAMES if (path := _half(folder, half)) is not None}
    labels = _labels_by_name({path.name for paths in halves.values() for path in paths}, folder)
    read = {half: _read_half(paths, labels) for half, paths in halves.items()}
    images = image_set(read["train"], read["test"], str(folder), read.get("valid"))
    if all(name.isdecimal() for name in labels):
        return images
    return replace(images, class_names=checked_names(sorted(labels, key=labels.__getitem__), str(folder)))


def _half(folder: Path, half: str) -> Path | None:
    """Return the folder of a half by any of its names; None if there is none of validation images."""
    found = [folder / name for name in _NAMES[half] if (folder / name).is_dir()]
    if len(found) > 1:
        raise DataError(f"{folder}: has both {found[0].name}/ and {found[1].name}/")
    if found:
        return found[0]
    if half == "valid":
        return None
    there = sorted(path.name for path in _entries(folder))
    inside = [path for path in _entries(folder) if any((path / name).is_dir() for name in _NAMES[half])]
    shown = ", ".join(there[:5]) + (", …" if len(there) > 5 else "") or "nothing"
    if inside:
        way_out = f"; {inside[0]} has such folders: add that"
    elif half == "test":
        way_out = "; move a part of each label's images, a sixth say, to test/<label>/"
    elif any(path.is_dir() for path in _entries(folder)):
        way_out = "; if these are the labels, put them in train/, and a part of each label's images in test/"
    else:
        way_out = ""
    raise DataError(
        f"{folder}: has no folder {' or '.join(f'{name}/' for name in _NAMES[half])}; expected train/<label>/*.png and "
        f"test/<label>/*.png, found {shown}{way_out}"
    )


def _read_half(label_folders: list[Path], labels: dict[str, int]) -> LabelledImages:
    files = sorted((path for label_folder in label_folders for path in _image_files(label_folder)), key=_mixing_key)
    if not files:
        raise DataError(f"{label_folders[0].parent}: contains no image files")
    first = _read_image(files[0])
    height, width = first.shape
    if len(files) * height * width > MAX_SET_BYTES:
        raise DataError(f"{label_folders[0].parent}: more than the {MAX_SET_BYTES} pixels that are allowed")
    images = np.empty((len(files), height, width), dtype=np.uint8)
    images[0] = first
    for image, path in zip(images[1:], files[1:], strict=True):
        found = _read_image(path)
        if found.shape != (height, width):
            raise DataError(f"{path}: is {_size(found)}, but {files[0]} is {_size(first)}; all must be alike")
        image[:] = found
    return LabelledImages(images, np.array([labels[path.parent.name] for path in files], dtype=np.uint8))


def _read_image(path: Path) -> NDArray[np.uint8]:
    picture = read_picture(path)
    if max(picture.size_px) > _MAX_SIDE_PX:
        height, width = picture.size_px
        raise DataError(f"{path}: is {height}x{width} pixels, allowed are 1 to {_MAX_SIDE_PX} a side")
    return np.rint(255 * picture.grey).astype(np.uint8)


def _size(image: NDArray[np.uint8]) -> str:
    height, width = image.shape
    return f"{width} pixels wide and {height} high"


def _labels_by_name(names: set[str], folder: Path) -> dict[str, int]:
    if len(names) > MOST_CLASSES:
        raise DataError(f"{folder}: {len(names)} labels, allowed are up to {MOST_CLASSES}")
    if not all(name.isascii() and name.isdecimal() for name in names):
        return {name: label for label, name in enumerate(sorted(names))}
    labels = {name: int(name) for name in names}
    if max(labels.values()) >= MOST_CLASSES:
        raise DataError(f"{folder}: labels must be in 0..{MOST_CLASSES - 1}, got {max(labels.values())}")
    if len(set(labels.values())) != len(labels):
        raise DataError(f"{folder}: two folders stand for the same label, such as 1 and 01")
    return labels


def _subfolders(folder: Path) -> list[Path]:
    entries = [path for path in _entries(folder) if path.is_dir()]
    if not entries:
        raise DataError(f"{folder}: contains no folder for any label; expected {folder.name}/<label>/*.png")
    return entries


def _image_files(folder: Path) -> list[Path]:
    files = _entries(folder)
    if not files:
        raise DataError(f"{folder}: contains no image files; remove the folder if there are no such images")
    for path in files:
        if path.suffix.lower() not in _SUFFIXES:
            raise DataError(f"{path}: is not an image file; read are {', '.join(_SUFFIXES)}")
    return files


def _entries(folder: Path) -> list[Path]:
    """List a folder without what systems leave everywhere."""
    try:
        return [
            path for path in folder.iterdir() if not path.name.startswith(".") and path.name.lower() not in _LEFT_BEHIND
        ]
    except OSError as error:
        raise data_error(folder, error) from error


def _mixing_key(path: Path) -> bytes:
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode(errors="surrogateescape")).digest()
