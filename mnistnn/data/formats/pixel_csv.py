"""Tables of pixels, as Kaggle has MNIST: a line is an image, one of its fields the label, all others pixels.

A first line of names is known by its names. Without one, the first field is the label, or the last where the first
does not vary. Lines that are nothing but small integers, as nearly all are, are taken apart by NumPy, a few megabytes
at once; others, with quotes, blanks or decimals, field by field.
"""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.formats.array_names import listed
from mnistnn.data.formats.found import FoundImages, found_images
from mnistnn.data.formats.given import GivenFile, Half, Wishes, by_half
from mnistnn.data.formats.image_shape import shape_of_rows
from mnistnn.data.formats.labels_table import LABEL_NAMES
from mnistnn.data.formats.pixel_values import bytes_of_numbers
from mnistnn.data.formats.text import blocks_of, is_text, line_number, shown, text_of
from mnistnn.errors import DataError

_BLOCK_BYTES = 1 << 22
_MOST_COLUMNS = 1 << 20
_MOST_FLOATS = 1 << 27  # of pixels with decimals, which take four bytes each
_SEPARATORS = b",;\t"
_PIXEL_NAME = re.compile(r"(?:[a-z]{0,12}[ _.-]?)?\d{1,7}(?:[x_.-]\d{1,7})?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where things lie in a table: how many fields a line has, which one is the label, and where the rows begin."""

    separator: bytes
    columns: int
    label: int
    start: int


def begins_like_pixel_csv(start: bytes) -> bool:
    """Tell whether a file begins like a table: text whose first line has fields."""
    return is_text(start) and any(separator in start.partition(b"\n")[0] for separator in (b",", b";", b"\t"))


def read_pixel_csv(files: Sequence[GivenFile], wishes: Wishes) -> FoundImages:
    """Return what one table holds, or several, whose names say which half each is.

    Raises DataError, with the line, for rows of another length, for pixels that are no numbers or not in 0..255, and
    for tables without labels.
    """
    halves = by_half(files, "expected one CSV file, or one for training and one for the test")
    values: dict[Half, NDArray[Any]] = {}
    labels: dict[Half, list[str]] = {}
    for half, file in halves.items():
        values[half], labels[half] = _read(text_of(file.content, file.place), file.place, wishes.size_px)
    images, said = images_of_rows(values, wishes.size_px, files[0].place)
    return found_images(images, labels, files[0].place, said)


def images_of_rows(
    values: dict[Half, NDArray[Any]], size_px: tuple[int, int] | None, place: str
) -> tuple[dict[Half, NDArray[np.uint8]], list[str]]:
    """Return rows of pixels (n, h·w) as images (n, h, w), and what is to be said of that.

    Numbers that are no bytes are scaled by one rule for all halves. Raises DataError, naming `place`.
    """
    widths = {half: rows.shape[1] for half, rows in values.items()}
    if len(set(widths.values())) > 1:
        said = ", ".join(f"{half} images have {width}" for half, width in widths.items())
        raise DataError(f"{place}: all images must have the same number of pixels, but {said}")
    shape = shape_of_rows(widths["train"], size_px, place)
    halves, parts = list(values), list(values.values())
    notes: list[str] = []
    if any(part.dtype != np.uint8 for part in parts) or max(part.max() for part in parts) <= 1:
        parts, note = bytes_of_numbers(parts, place)
        notes = [] if note is None else [note]
    return {half: part.reshape(-1, *shape) for half, part in zip(halves, parts, strict=True)}, notes


def _read(text: bytes, place: str, size_px: tuple[int, int] | None) -> tuple[NDArray[Any], list[str]]:
    """Return the pixels (n, columns − 1) of a table and its labels."""
    layout = _layout(text, place, size_px)
    fields = np.delete(np.arange(layout.columns), layout.label)
    labels: list[str] = []
    pieces: list[NDArray[Any]] = []
    floats = 0
    for position, block in blocks_of(text, layout.start, _BLOCK_BYTES):
        read = _quickly(block, layout, fields)
        if read is None:
            read = _field_by_field(block, layout, fields, place, line_number(text, position))
        piece, words = read
        if piece.dtype != np.uint8:
            floats += piece.size
            if floats > _MOST_FLOATS:
                raise DataError(f"{place}: more than the {_MOST_FLOATS:,} pixels with decimals that are allowed")
        pieces.append(piece)
        labels += words
    return np.concatenate(pieces), labels


def _quickly(block: bytes, layout: _Layout, fields: NDArray[np.intp]) -> tuple[NDArray[np.uint8], list[str]] | None:
    """Return pixels and labels of lines whose pixels are integers 0..255; None unless all is so plain."""
    codes = np.frombuffer(b"\0\0\0" + block, dtype=np.uint8)  # before the first field, so that one can look back
    is_end = (codes == layout.separator[0]) | (codes == ord("\n"))
    every_end = np.flatnonzero(is_end)
    if len(every_end) % layout.columns:
        return None
    ends = every_end.reshape(-1, layout.columns)
    if not (codes[ends[:, -1]] == ord("\n")).all() or block.count(b"\n") != len(ends):
        return None
    lengths = np.diff(every_end, prepend=2).reshape(ends.shape) - 1
    digits, places = codes - np.uint8(ord("0")), ends[:, fields]
    of_pixels = lengths[:, fields]
    if of_pixels.min() < 1 or of_pixels.max() > 3:
        return None
    values = np.zeros(places.shape, dtype=np.uint16)
    for number in range(3):
        digit = np.where(of_pixels > number, digits[places - 1 - number], 0)
        if digit.max() > 9:
            return None
        values += digit * np.uint16(10**number)
    if values.max() > 255:
        return None
    at = zip((ends[:, layout.label] - lengths[:, layout.label]).tolist(), ends[:, layout.label].tolist(), strict=True)
    raw = [block[start - 3 : end - 3] for start, end in at]
    if any(b'"' in label or not label.strip() for label in raw):
        return None
    try:
        return values.astype(np.uint8), [label.decode("utf-8").strip() for label in raw]
    except UnicodeDecodeError:
        return None


def _field_by_field(
    block: bytes, layout: _Layout, fields: NDArray[np.intp], place: str, line: int
) -> tuple[NDArray[Any], list[str]]:
    """Return pixels and labels of lines of any form; `line` is the number of the first. Raises DataError."""
    rows: list[NDArray[np.float32]] = []
    labels: list[str] = []
    for number, text in enumerate(block.splitlines(), start=line):
        here = f"{place}: line {number}"
        row = _fields(text, layout.separator, here)
        if len(row) != layout.columns:
            raise DataError(f"{here}: has {len(row)} fields, but the first line has {layout.columns}")
        label = row.pop(layout.label).strip()
        if not label:
            raise DataError(f"{here}: has no label")
        labels.append(label)
        try:
            numbers = np.array([float(field) for field in row], dtype=np.float32)
        except (ValueError, OverflowError):
            numbers = np.array([np.nan], dtype=np.float32)
        if not np.isfinite(numbers).all() or any("_" in field for field in row):
            bad = next((n for n, field in enumerate(row) if not _is_number(field)), 0)
            column = int(fields[bad]) + 1
            raise DataError(f"{here}, field {column}: {shown(row[bad])} is no pixel; expected a number from 0 to 255")
        rows.append(numbers)
    found = np.stack(rows)
    low, high = float(found.min()), float(found.max())
    if low < -1 or high > 255:
        at, column = map(int, np.argwhere((found < -1) | (found > 255))[0])
        raise DataError(
            f"{place}: line {line + at}, field {int(fields[column]) + 1}: {found[at, column]:g} is no pixel; "
            "expected a number from 0 to 255"
        )
    whole = found.astype(np.uint8) if low >= 0 else None
    return (whole if whole is not None and np.array_equal(whole, found) else found), labels


def _fields(line: bytes, separator: bytes, here: str) -> list[str]:
    try:
        rows = list(
            csv.reader([line.decode("utf-8")], delimiter=separator.decode(), skipinitialspace=True, strict=True)
        )
    except (UnicodeDecodeError, csv.Error) as error:
        problem = "is not text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise DataError(f"{here}: {problem}") from error
    return rows[0] if rows else []


def _layout(text: bytes, place: str, size_px: tuple[int, int] | None) -> _Layout:
    """Find the separator, the names, and which field is the label."""
    first, _, rest = text.partition(b"\n")
    separator = max((bytes([each]) for each in _SEPARATORS), key=first.count)
    names = _fields(first, separator, f"{place}: line 1")
    if len(names) > _MOST_COLUMNS:
        raise DataError(f"{place}: line 1: {len(names)} fields, allowed are up to {_MOST_COLUMNS}")
    if len(names) < 2:
        raise DataError(f"{place}: line 1: has one field; expected a label and pixels, with commas between")
    words = [name for name in names if not _is_number(name)]
    if 2 * len(words) > len(names) or _counts_columns(names, words):
        if not rest:
            raise DataError(f"{place}: has no rows below the names of its columns")
        return _Layout(separator, len(names), _named_label(names, place), len(first) + 1)
    if size_px is None and _is_square(len(names)) and not _is_square(len(names) - 1):
        side = math.isqrt(len(names))
        raise DataError(f"{place}: line 1: has {len(names)} numbers, which are {side}x{side} pixels and no label")
    return _Layout(separator, len(names), _unnamed_label(text, separator, names), 0)


def _counts_columns(names: Sequence[str], words: Sequence[str]) -> bool:
    """Tell whether a line names a label and numbers the pixels, as `label,0,1,2,…`."""
    if len(words) != 1 or words[0].strip().lower() not in LABEL_NAMES:
        return False
    numbers = [name.strip() for name in names if name is not words[0]]
    return numbers in ([str(start + number) for number in range(len(numbers))] for start in (0, 1))


def _named_label(names: Sequence[str], place: str) -> int:
    """Return the column of labels by its name, or because all others are called like pixels."""
    plain = [name.strip().lower() for name in names]
    found = [number for number, name in enumerate(plain) if name in LABEL_NAMES]
    others = [number for number, name in enumerate(plain) if not _PIXEL_NAME.fullmatch(name)]
    if not found and len(others) == 1:
        found = others
    if not found and not others:
        raise DataError(
            f"{place}: has no column of labels, only {len(names)} columns of pixels. Such a file, as Kaggle's "
            "test.csv, is for predictions that somebody else judges; nothing is learned or measured by it: leave it out"
        )
    if len(found) != 1:
        candidates = [shown(names[number]) for number in found or others]
        raise DataError(
            f"{place}: line 1: which column is the label? Expected one that is called {LABEL_NAMES[0]}, and columns "
            f"of pixels; found {listed(candidates)}"
        )
    strangers = [shown(names[number]) for number in others if number not in found]
    if strangers:
        raise DataError(
            f"{place}: line 1: {listed(strangers)} {'is' if len(strangers) == 1 else 'are'} neither label nor pixels; "
            "remove such columns"
        )
    return found[0]


def _unnamed_label(text: bytes, separator: bytes, first: Sequence[str]) -> int:
    """Return 0, or the last column where that has words, or the first one does not vary and the last one does."""
    if not _is_number(first[0]):
        return 0
    if not _is_number(first[-1]):
        return len(first) - 1
    firsts, lasts = set[bytes](), set[bytes]()
    for _, block in blocks_of(text, 0, _BLOCK_BYTES):  # a table that is sorted by labels shows a second one late
        firsts |= {line.partition(separator)[0].strip() for line in block.splitlines()}
        if len(firsts) > 1:
            return 0
        lasts |= {line.rpartition(separator)[2].strip() for line in block.splitlines()}
    return len(first) - 1 if len(lasts) > 1 else 0


def _is_number(field: str) -> bool:
    return _NUMBER.fullmatch(field.strip()) is not None


def _is_square(count: int) -> bool:
    return math.isqrt(count) ** 2 == count
