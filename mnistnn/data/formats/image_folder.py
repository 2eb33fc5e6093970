"""A set as PNG files: `train/<label>/*.png` and `test/<label>/*.png`.

If all folder names are numbers they are the labels; otherwise the labels count the sorted names. Within each
half the files are put in an order that depends on their names alone but mixes the labels (by a digest of the
name): the validation split is the end of the training files, and must not consist of the last label only.
"""

import hashlib
import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError
from mnistnn.storage.reading import data_error, read_file

if TYPE_CHECKING:
    from types import ModuleType

_MAX_CLASSES = 256
_MAX_SIDE_PX = 1024
_MAX_PNG_BYTES = 1 << 24
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_PNG_START = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def read_image_folder(folder: Path) -> ImageSet:
    """Return the set in a folder of PNG files; colour becomes luminance.

    Raises DataError, naming the file or folder, for anything that is not an image of the common size, 8 bits
    per channel and at most 1024 pixels a side, and when Pillow is not installed.
    """
    pillow = _pillow()
    halves = {half: _subfolders(folder / half) for half in ("train", "test")}
    labels = _labels_by_name({path.name for paths in halves.values() for path in paths}, folder)
    train, test = (_read_half(paths, labels, pillow) for paths in halves.values())
    return image_set(train, test, str(folder))


def _read_half(label_folders: list[Path], labels: dict[str, int], pillow: "ModuleType") -> LabelledImages:
    files = sorted((path for label_folder in label_folders for path in _png_files(label_folder)), key=_mixing_key)
    if not files:
        raise DataError(f"{label_folders[0].parent}: contains no PNG files")
    height, width = _size_px(read_file(files[0], _MAX_PNG_BYTES, data_error), files[0])
    if len(files) * height * width > MAX_SET_BYTES:
        raise DataError(f"{label_folders[0].parent}: more than the {MAX_SET_BYTES} pixels that are allowed")
    images = np.empty((len(files), height, width), dtype=np.uint8)
    for image, path in zip(images, files, strict=True):
        content = read_file(path, _MAX_PNG_BYTES, data_error)
        if _size_px(content, path) != (height, width):
            raise DataError(f"{path}: is not {height}x{width} pixels like {files[0]}")
        image[:] = _decode_png(content, path, pillow)
    return LabelledImages(images, np.array([labels[path.parent.name] for path in files], dtype=np.uint8))


def _decode_png(content: bytes, path: Path, pillow: "ModuleType") -> NDArray[np.uint8]:
    if _PNG_END not in content:  # Pillow forgives a missing end
        raise DataError(f"{path}: the PNG image ends too early")
    try:
        with pillow.open(io.BytesIO(content), formats=["PNG"]) as image:
            return np.asarray(image.convert("L"))
    except Exception as error:  # a damaged PNG makes Pillow raise any of a dozen types, SyntaxError among them
        raise DataError(f"{path}: is not a readable PNG image ({error})") from error


def _size_px(content: bytes, path: Path) -> tuple[int, int]:
    """Return height and width, before anything is decoded: a small file can stand for a vast image."""
    start = content[:25]
    if len(start) < 25 or not start.startswith(_PNG_START):
        raise DataError(f"{path}: is not a PNG image")
    width, height, bits = struct.unpack(">IIB", start[16:])
    if not (0 < width <= _MAX_SIDE_PX and 0 < height <= _MAX_SIDE_PX):
        raise DataError(f"{path}: is {height}x{width} pixels, allowed are 1 to {_MAX_SIDE_PX} a side")
    if bits > 8:
        raise DataError(f"{path}: has {bits} bits per channel, allowed are up to 8")
    return height, width


def _labels_by_name(names: set[str], folder: Path) -> dict[str, int]:
    if len(names) > _MAX_CLASSES:
        raise DataError(f"{folder}: {len(names)} labels, allowed are up to {_MAX_CLASSES}")
    if not all(name.isascii() and name.isdecimal() for name in names):
        return {name: label for label, name in enumerate(sorted(names))}
    labels = {name: int(name) for name in names}
    if max(labels.values()) >= _MAX_CLASSES:
        raise DataError(f"{folder}: labels must be in 0..{_MAX_CLASSES - 1}, got {max(labels.values())}")
    if len(set(labels.values())) != len(labels):
        raise DataError(f"{folder}: two folders stand for the same label, such as 1 and 01")
    return labels


def _subfolders(folder: Path) -> list[Path]:
    entries = [path for path in _entries(folder) if path.is_dir()]
    if not entries:
        raise DataError(f"{folder}: contains no folder for any label; expected {folder.name}/<label>/*.png")
    return entries


def _png_files(folder: Path) -> list[Path]:
    files = _entries(folder)
    for path in files:
        if path.suffix.lower() != ".png":
            raise DataError(f"{path}: is not a PNG file; only .png files are read")
    return files


def _entries(folder: Path) -> list[Path]:
    """List a folder without hidden entries, which file managers leave everywhere."""
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise data_error(folder, error) from error


def _mixing_key(path: Path) -> bytes:
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode(errors="surrogateescape")).digest()


def _pillow() -> "ModuleType":
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError("reading PNG files needs Pillow: pip install 'mnistnn[plot]'") from error
    return Image
