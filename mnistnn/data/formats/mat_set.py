"""What arrays of a MAT-file are a set: EMNIST's struct of structs, SVHN's X and y, and others by their names.

Rows of pixels are read column by column, as MATLAB's `reshape(x(1, :), height, width)` does: so EMNIST's images are
upright.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.array_names import roles_of
from mnistnn.data.formats.found import FoundImages, found_images
from mnistnn.data.formats.given import GivenFile, Half, Wishes, by_half
from mnistnn.data.formats.image_shape import shape_of_rows
from mnistnn.data.formats.mat import NotRead, decode_mat
from mnistnn.data.formats.pixel_values import GREY_OF_COLOURS, bytes_of_numbers, grey_of
from mnistnn.errors import DataError

_ROWS, _IMAGES, _COLOURS = 2, 3, 4  # axes
_TEN_AND_MORE = 10  # the labels of SVHN
_COLUMN_BY_COLUMN = "rows of pixels were read column by column, as MATLAB does; --transpose is for row by row"
_LARGEST_CODE = 0x10FFFF
_LONGEST_MAPPING = 256


def read_mat(files: Sequence[GivenFile], wishes: Wishes) -> FoundImages:
    """Return what one MAT-file holds, or several, whose names say which half each is.

    Raises DataError, naming file and array, for arrays that are no images and labels, or do not fit each other.
    """
    pixels: dict[Half, NDArray[Any]] = {}
    labels: dict[Half, NDArray[Any]] = {}
    said: list[str] = []
    names: dict[int, str] = {}
    halves = by_half(files, "expected one MAT-file, or one for training and one for the test")
    for half_of_file, file in halves.items():
        arrays = decode_mat(file.content, file.place)
        names |= _names(arrays)
        roles, _ = roles_of(list(arrays), file.place)
        found = {role: (name, arrays[name]) for name, role in roles.items()}
        for half in dict.fromkeys(half for half, _ in found):
            to = half_of_file if half == "train" else half
            if to in labels:
                raise DataError(f"{file.place}: has images of the {to} half, as another file has")
            labels[to] = _labels(*found[half, "labels"], file.place)
            pixels[to], notes = _pixels(*found[half, "images"], labels[to].size, wishes.size_px, file.place)
            said += notes
    place = files[0].place
    parts, note = bytes_of_numbers(list(pixels.values()), place)
    said += [] if note is None else [note]
    if any(part.ndim == _COLOURS for part in parts):
        said += [GREY_OF_COLOURS, *_ten_as_zero(labels)]
    images = {
        half: np.ascontiguousarray(grey_of(part) if part.ndim == _COLOURS else part)
        for half, part in zip(pixels, parts, strict=True)
    }
    return _named(found_images(images, labels, place, list(dict.fromkeys(said))), names)


def _labels(name: str, array: NDArray[Any] | NotRead, place: str) -> NDArray[Any]:
    if isinstance(array, NotRead):
        raise DataError(f"{place}: {name} is {array.kind}; expected an array of integers")
    if array.size != max(array.shape) or array.size == 0:
        one_hot = "; is it one-hot? [~, y] = max(y, [], 2) makes labels of it" if array.ndim == _ROWS else ""
        raise DataError(f"{place}: {name} must have one label for each image, got the axes {array.shape}{one_hot}")
    flat = array.reshape(-1)
    if flat.dtype.kind != "f":
        return flat
    if not (np.abs(flat) < 1e9).all() or (flat != np.rint(flat)).any():  # NaN is refused, too
        raise DataError(f"{place}: {name} must have whole numbers, got {flat[0]:g} …")
    return flat.astype(np.int64)


def _pixels(
    name: str, array: NDArray[Any] | NotRead, n: int, size_px: tuple[int, int] | None, place: str
) -> tuple[NDArray[Any], list[str]]:
    """Return an array of n images as (n, h, w) or (n, h, w, 3), and what is to be said of that."""
    where = f"{place}: {name}"
    if isinstance(array, NotRead):
        raise DataError(f"{where} is {array.kind}; expected an array of numbers")
    shape = array.shape
    if len(shape) == _ROWS and n in shape:
        rows = array if shape[0] == n else array.T
        height, width = shape_of_rows(rows.shape[1], size_px, where)
        return rows.reshape(n, width, height).transpose(0, 2, 1), [_COLUMN_BY_COLUMN]
    if n in (shape[0], shape[-1]) and len(shape) in (_IMAGES, _COLOURS):
        images = np.moveaxis(array, -1, 0) if shape[-1] == n else array  # MATLAB counts images last
        if images.ndim == _COLOURS and images.shape[-1] == 1:
            images = images[..., 0]
        if images.ndim == _IMAGES or images.shape[-1] == 3:
            return images, []
    raise DataError(
        f"{where} has the axes {shape}; expected, for {n} labels, (height, width, {n}), (height, width, 3, {n}), "
        f"({n}, height, width) or ({n}, pixels)"
    )


def _ten_as_zero(labels: dict[Half, NDArray[Any]]) -> list[str]:
    """Turn 10 into 0 where labels are 1 to 10, as in SVHN; return what is to be said of that."""
    different = np.unique(np.concatenate(list(labels.values())))
    if different.tolist() != list(range(1, _TEN_AND_MORE + 1)):
        return []
    for half, part in labels.items():
        labels[half] = np.where(part == _TEN_AND_MORE, 0, part)
    return ["the label 10 stands for the digit 0, as in SVHN"]


def _names(arrays: dict[str, Any]) -> dict[int, str]:
    """Return the character of each label, from EMNIST's mapping: rows of a label and the code of its character."""
    found = [array for name, array in arrays.items() if name.rpartition(".")[2] == "mapping"]
    if len(found) != 1 or isinstance(found[0], NotRead):
        return {}
    (mapping,) = found
    if mapping.ndim != _ROWS or mapping.shape[1] < 2 or not 0 < len(mapping) <= _LONGEST_MAPPING:
        return {}
    pairs = [(float(label), float(code)) for label, code in mapping[:, :2].tolist()]
    if not all(label.is_integer() and code.is_integer() and 0 < code <= _LARGEST_CODE for label, code in pairs):
        return {}
    return {int(label): chr(int(code)) for label, code in pairs}


def _named(found: FoundImages, names: dict[int, str]) -> FoundImages:
    """Return what was found with the names of its classes, if the mapping has one for each label from 0 or 1 on."""
    if found.class_names is not None or sorted(names) not in (
        list(range(len(names))),
        list(range(1, len(names) + 1)),
    ):
        return found
    first = min(names, default=0)
    labels = [half.labels for half in found.halves.values()]
    ordered = tuple(names[label] for label in sorted(names))
    is_fit = all(first <= int(part.min()) and int(part.max()) <= max(names, default=-1) for part in labels)
    if (
        not is_fit
        or len(set(ordered)) != len(ordered)
        or not all(name.isprintable() and name.strip() for name in ordered)
    ):
        return found
    moved = found.each(lambda half: replace(half, labels=half.labels - np.uint8(first))) if first else found
    return replace(moved, class_names=ordered)
