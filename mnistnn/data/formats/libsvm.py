"""Sets as LIBSVM has them: a line is `label index:value index:value …`, with indices from 1, and zeros left out."""

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.found import FoundImages, found_images
from mnistnn.data.formats.given import GivenFile, Half, Wishes, by_half
from mnistnn.data.formats.image_shape import MOST_PIXELS
from mnistnn.data.formats.pixel_values import bytes_of_numbers
from mnistnn.data.formats.text import is_text, shown, text_of
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError

# Whatever these match, they match in one way only: otherwise a long line with a mistake would take for ever.
_PAIR = rb"\d{1,9}:[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?"
_LINE = re.compile(rb"[^\s:,]{1,100}(?:[ \t]+" + _PAIR + rb")*[ \t]*(?:#.*)?")
_BEGINNING = re.compile(rb"[^\s:,]{1,100}[ \t]+\d{1,9}:[^\s:]+(?:[ \t\r\n]|$)")
_COLON_TO_BLANK = bytes.maketrans(b":", b" ")


@dataclass(frozen=True, eq=False)
class _Sparse:
    """Rows of which only some values are known, all others being 0.

    counts   (n,), how many of a row are known
    indices  of all rows, one after the other, from 0
    values   of these
    """

    counts: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: NDArray[np.float32]
    labels: list[str]


def begins_like_libsvm(start: bytes) -> bool:
    """Tell whether a file begins with a label and a pair `index:value`."""
    return is_text(start) and _BEGINNING.match(start) is not None


def read_libsvm(files: Sequence[GivenFile], wishes: Wishes) -> FoundImages:
    """Return what one file holds, or several, whose names say which half each is.

    Images are squares that are just large enough for the largest index of all files, or have the size that is wished.
    Raises DataError, with the line, for anything that is not of the format.
    """
    halves = by_half(files, "expected one file, or one for training and one for the test")
    found = {half: _read(text_of(file.content, file.place), file.place) for half, file in halves.items()}
    place = files[0].place
    pixels = 1 + max(int(part.indices.max()) if part.indices.size else 0 for part in found.values())
    shape, said = _shape(pixels, wishes.size_px, place)
    nothing = np.zeros(1, dtype=np.float32)  # which is left out everywhere, and becomes the same byte
    ((zero,), *scaled), note = bytes_of_numbers([nothing, *(part.values for part in found.values())], place)
    said += [] if note is None else [note]
    images: dict[Half, NDArray[np.uint8]] = {}
    for (half, part), values in zip(found.items(), scaled, strict=True):
        n, size = len(part.counts), shape[0] * shape[1]
        if n * size > MAX_SET_BYTES:
            raise DataError(f"{place}: {n} images of {size} pixels are more than the {MAX_SET_BYTES} that are allowed")
        rows = np.full((n, size), zero, dtype=np.uint8)
        rows[np.repeat(np.arange(n), part.counts), part.indices] = values
        images[half] = rows.reshape(n, *shape)
    return found_images(images, {half: part.labels for half, part in found.items()}, place, said)


def _shape(pixels: int, size_px: tuple[int, int] | None, place: str) -> tuple[tuple[int, int], list[str]]:
    if size_px is None:
        side = int(np.ceil(np.sqrt(pixels)))
        said = (
            f"the largest index is {pixels}: images have {side}x{side} pixels, the last ones dark; --size says others"
        )
        return (side, side), [] if side * side == pixels else [said]
    if pixels > size_px[0] * size_px[1]:
        raise DataError(f"{place}: the largest index is {pixels}, but {size_px[0]}x{size_px[1]} are fewer pixels")
    return size_px, []


def _read(text: bytes, place: str) -> _Sparse:
    counts, indices, values = array("q"), array("i"), array("f")
    labels: list[str] = []
    for number, line in enumerate(text.split(b"\n")[:-1], start=1):
        if not _LINE.fullmatch(line):
            raise DataError(f"{place}: line {number}: {_problem(line)}")
        label, *numbers = line.partition(b"#")[0].translate(_COLON_TO_BLANK).split()
        at = list(map(int, numbers[::2]))
        if at and (min(at) < 1 or max(at) > MOST_PIXELS or any(b <= a for a, b in pairwise(at))):
            raise DataError(f"{place}: line {number}: indices must go up, from 1 to {MOST_PIXELS} at most")
        try:
            labels.append(label.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise DataError(f"{place}: line {number}: the label is not text in UTF-8") from error
        counts.append(len(at))
        indices.extend(at)
        values.extend(map(float, numbers[1::2]))
    return _Sparse(
        np.frombuffer(counts, dtype=np.int64),
        np.frombuffer(indices, dtype=np.int32).astype(np.int64) - 1 if indices else np.zeros(0, dtype=np.int64),
        np.frombuffer(values, dtype=np.float32) if values else np.zeros(0, dtype=np.float32),
        labels,
    )


def _problem(line: bytes) -> str:
    """Say what is wrong with a line."""
    words = line.split()
    bad = next((word for word in words[1:] if not re.fullmatch(_PAIR, word)), None)
    if not words:
        return "is blank"
    return f"{shown(words[0] if bad is None else bad)} is not {'a label' if bad is None else 'index:value'}"
