"""A set as image files, in a folder or a zip archive: `train/<label>/*.png` and `test/<label>/*.png`, and perhaps
`valid/<label>/*.png`; or `<label>/*.png` alone, which are divided later; or any, with a table of their labels.

If all names of label folders are numbers they are the labels; otherwise the labels count the sorted names, which the
classes are called by. Within each half the files are put in an order that depends on their names alone but mixes the
labels (by a digest of the name): the validation split is the end of the training files, and must not consist of the
last label only.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.found import FoundImages, found_images
from mnistnn.data.formats.given import NO_WISHES, GivenFile, Half, Wishes
from mnistnn.data.formats.labels_table import read_labels_table
from mnistnn.data.formats.picture_tree import (
    PICTURE_SUFFIXES,
    PictureTree,
    is_picture,
    joined,
    tree_of_folder,
    tree_of_zip,
)
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.data.pictures.read import decode_picture
from mnistnn.data.pictures.resize import resampled
from mnistnn.errors import DataError, UsageError

_MAX_SIDE_PX = 1024
_NAMES: dict[Half, tuple[str, ...]] = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "valid": ("valid", "validation", "val"),
}
_COUNTED = 2000  # files, to know which sizes are frequent
_LAYOUT = "expected train/<label>/*.png and test/<label>/*.png, or <label>/*.png"


def read_image_folder(folder: Path, wishes: Wishes = NO_WISHES) -> FoundImages:
    """Return the set in a folder of image files; colour becomes luminance, what is transparent paper, as in `predict`.

    Raises DataError, naming the file or folder, for anything that is not an image of the common size, of at most 1024
    pixels a side, and when Pillow is not installed.
    """
    return _read_tree(tree_of_folder(folder), wishes)


def read_image_zip(files: Sequence[GivenFile], wishes: Wishes) -> FoundImages:
    """Return the set in a zip archive of image files, as `read_image_folder`; nothing is unpacked to the disk."""
    if len(files) > 1:
        raise UsageError(
            f"{files[1].place}: is a second archive; give one that holds all, or unpack them into one folder"
        )
    (file,) = files
    tree = tree_of_zip(file.content, file.place)
    if not tree.pictures():
        raise DataError(
            f"{file.place}: holds neither image files ({', '.join(PICTURE_SUFFIXES)}) nor NumPy arrays; unpack it, and "
            "give the file that has images and labels"
        )
    return _read_tree(tree, wishes)


def _read_tree(tree: PictureTree, wishes: Wishes) -> FoundImages:
    if wishes.labels is not None:
        halves, said = _by_table(tree, wishes.labels)
    else:
        halves, said = _by_folders(tree)
    images = {half: _read_half(tree, list(labels), wishes.resize_px) for half, labels in halves.items()}
    _refuse_one_label_twice(tree, {label for labels in halves.values() for label in labels.values()})
    place = _place(tree) if wishes.labels is None else str(wishes.labels)
    return found_images(images, {half: list(labels.values()) for half, labels in halves.items()}, place, said)


def _by_folders(tree: PictureTree) -> tuple[dict[Half, dict[str, str]], list[str]]:
    """Return the label of each file of each half, by the folders they lie in, and what is to be said of that."""
    root = _root(tree)
    said = [] if not root else [f"the images are those of {tree.named(root)}"]
    named: dict[Half, str] = {half: folder for half in _NAMES if (folder := _half(tree, root, half)) is not None}
    if named and "train" not in named:
        raise DataError(
            f"{tree.named(root)}: has no folder train/ or training/; {_LAYOUT}, found {_listed(tree, root)}"
        )
    for half, folder in list(named.items()):
        if half != "train" and tree.has_pictures(folder) and not tree.folders_in(folder):
            said.append(f"the images in {tree.named(folder)} were left out: they have no label")
            del named[half]
    found = {half: _by_label(tree, folder) for half, folder in (named or {"train": root}).items()}
    known = {name for names in _NAMES.values() for name in names}
    beside = [name for name in tree.folders_in(root) if name.lower() not in known] if named else []
    if beside:
        said.append(f"left out, beside {', '.join(map(tree.named, named.values()))}: {', '.join(beside[:5])}")
    if stray := sum(map(is_picture, tree.files_in(root))):
        said.append(f"{stray} image files in {tree.named(root)} itself were left out: they have no label")
    return {half: _mixed(labels) for half, labels in found.items()}, said


def _root(tree: PictureTree) -> str:
    """Return the folder that the images are in: the one that is given, or the only one inside of it, and so on."""
    root = ""
    while True:
        folders = tree.folders_in(root)
        halves = {name for names in _NAMES.values() for name in names}
        if any(name.lower() in halves for name in folders):
            return root
        if any(tree.has_pictures(joined(root, name)) for name in folders) or len(folders) != 1:
            return root
        if tree.has_pictures(root):
            return root
        root = joined(root, folders[0])


def _half(tree: PictureTree, root: str, half: Half) -> str | None:
    """Return the folder of a half by any of its names; None if there is none."""
    found = [name for name in tree.folders_in(root) if name.lower() in _NAMES[half]]
    if len(found) > 1:
        raise DataError(f"{tree.named(root)}: has both {found[0]}/ and {found[1]}/")
    return joined(root, found[0]) if found else None


def _by_label(tree: PictureTree, folder: str) -> dict[str, str]:
    """Return the label of each image file in the folders of a folder, which are named for the labels."""
    labels: dict[str, str] = {}
    folders = tree.folders_in(folder)
    if not folders:
        table = next((name for name in tree.files_in(folder) if name.lower().endswith((".csv", ".tsv"))), "labels.csv")
        way_out = f"; or give their labels in a table: --labels {tree.named(joined(folder, table))}"
        raise DataError(
            f"{tree.named(folder)}: contains no folder for any label; {_LAYOUT}, found {_listed(tree, folder)}"
            f"{way_out if tree.has_pictures(folder) else ''}"
        )
    for label in folders:
        here = joined(folder, label)
        if not tree.inside[here]:
            raise DataError(
                f"{tree.named(here)}: contains no image files; remove the folder if there are no such images"
            )
        for name in tree.inside[here]:
            if not is_picture(name):
                inner = [each for each in tree.folders_in(here) if each.lower() in _NAMES["train"]]
                way_out = f"; {tree.named(here)} has such folders: add that" if inner else ""
                kind = "is a folder, in the place of an image file" if name in tree.folders_in(here) else ""
                what = kind or f"is not an image file; read are {', '.join(PICTURE_SUFFIXES)}"
                raise DataError(f"{tree.named(joined(here, name))}: {what}{f'; {_LAYOUT}{way_out}' if kind else ''}")
            labels[joined(here, name)] = label
    return labels


def _by_table(tree: PictureTree, table: Path) -> tuple[dict[Half, dict[str, str]], list[str]]:
    """Return the label of each file of each half, by a table of file names, and what is to be said of that.

    Files are in halves if each lies in a folder of the name of one.
    """
    pictures = tree.pictures()
    if not pictures:
        raise DataError(f"{tree.named('')}: contains no image files")
    labels = read_labels_table(table, pictures)
    without = len(pictures) - len(labels)
    said = [f"{without} image files were left out: {table} has no label for them"] if without else []
    of_half = {name: half for half, names in _NAMES.items() for name in names}
    found: dict[Half, dict[str, str]] = {}
    for name, label in labels.items():
        half = next((of_half[part.lower()] for part in PurePosixPath(name).parts[:-1] if part.lower() in of_half), None)
        if half is None:
            return {"train": _mixed(labels)}, said
        found.setdefault(half, {})[name] = label
    if "train" not in found:
        return {"train": _mixed(labels)}, said
    return {half: _mixed(found[half]) for half in _NAMES if half in found}, said


def _read_half(tree: PictureTree, files: list[str], resize_px: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Return the images of files (n, h, w)."""
    images: NDArray[np.uint8] | None = None
    for number, name in enumerate(files):
        found = _read_image(tree, name, resize_px)
        if images is None:
            if len(files) * found.size > MAX_SET_BYTES:
                raise DataError(f"{_place(tree)}: more than the {MAX_SET_BYTES} pixels that are allowed")
            images = np.empty((len(files), *found.shape), dtype=np.uint8)
        if found.shape != images.shape[1:]:
            raise DataError(
                f"{tree.named(name)}: is {_size(found.shape)}, but {tree.named(files[0])} is "
                f"{_size(images.shape[1:])}; all must be alike{_frequent(tree, files)}"
            )
        images[number] = found
    assert images is not None
    return images


def _read_image(tree: PictureTree, name: str, resize_px: tuple[int, int] | None) -> NDArray[np.uint8]:
    picture = decode_picture(tree.read(name), tree.named(name))
    if resize_px is not None:
        return np.rint(255 * resampled(picture.grey, resize_px)).astype(np.uint8)
    if max(picture.size_px) > _MAX_SIDE_PX:
        height, width = picture.size_px
        raise DataError(
            f"{tree.named(name)}: is {height}x{width} pixels, allowed are 1 to {_MAX_SIDE_PX} a side; --resize 28 "
            "makes images smaller"
        )
    return np.rint(255 * picture.grey).astype(np.uint8)


def _frequent(tree: PictureTree, files: list[str]) -> str:
    """Say which two sizes are the most frequent ones, and how all become alike."""
    sizes = Counter(decode_picture(tree.read(name), tree.named(name)).size_px for name in files[:_COUNTED])
    shown = " and ".join(f"{height}x{width} ({n} files)" for (height, width), n in sizes.most_common(2))
    height, width = sizes.most_common(1)[0][0]
    return f". Most are {shown}; --resize {height}x{width} makes all so" if len(sizes) > 1 else ""


def _refuse_one_label_twice(tree: PictureTree, labels: set[str]) -> None:
    numbers = Counter(int(label) for label in labels if label.isascii() and label.isdecimal() and len(label) < 16)
    if numbers and sum(numbers.values()) == len(labels) and max(numbers.values()) > 1:
        raise DataError(f"{_place(tree)}: two names stand for the same label, such as 1 and 01")


def _mixed(labels: dict[str, str]) -> dict[str, str]:
    return {name: labels[name] for name in sorted(labels, key=_mixing_key)}


def _mixing_key(name: str) -> bytes:
    path = PurePosixPath(name)
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode(errors="surrogateescape")).digest()


def _size(shape: Sequence[int]) -> str:
    height, width = shape
    return f"{width} pixels wide and {height} high"


def _place(tree: PictureTree) -> str:
    return tree.place.removesuffix(": ")


def _listed(tree: PictureTree, folder: str) -> str:
    there = tree.inside[folder]
    return ", ".join(there[:5]) + (", …" if len(there) > 5 else "") or "nothing"
