"""A table of file names and labels, which belongs to image files that lie in no folders by label."""

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from mnistnn.data.formats.array_names import listed
from mnistnn.data.formats.text import MAX_TEXT_BYTES, shown, text_of
from mnistnn.errors import DataError
from mnistnn.storage.reading import data_error, read_file

LABEL_NAMES = ("label", "labels", "class", "classes", "target", "y", "digit", "letter", "character")
"""What people call the column of labels."""

_SEPARATORS = ",;\t"
_LOOKED_AT = 1000  # rows, to find the column of file names


def read_labels_table(path: Path, files: Sequence[str]) -> dict[str, str]:
    """Return the label of each of the `files` that a CSV file names, in its order.

    The columns may come in any order, with or without names. A file is meant by its whole name, or by its last part or
    that without its ending if no other has it. Raises DataError, with the line, for files that are not there or come
    twice, and where it does not show which column is which.
    """
    text = text_of(read_file(path, MAX_TEXT_BYTES, data_error), str(path))
    rows = _rows(text, path)
    known = _known(files)
    width = len(rows[0][1])
    counts = [sum(_meant(row[column], known) is not None for _, row in rows[:_LOOKED_AT]) for column in range(width)]
    column = max(range(width), key=counts.__getitem__)
    if not counts[column]:
        example = rows[min(1, len(rows) - 1)][1][0]
        raise DataError(f"{path}: names none of the {len(files)} image files that are there, but {shown(example)}")
    has_names = _meant(rows[0][1][column], known) is None
    label = _label_column(rows[0][1], column, has_names, path)
    labels: dict[str, str] = {}
    for line, row in rows[has_names:]:
        name = _meant(row[column], known)
        if name is None:
            raise DataError(f"{path}: line {line}: there is no image file {shown(row[column])}, or there are several")
        if name in labels:
            raise DataError(f"{path}: line {line}: {shown(row[column])} is there twice")
        if not row[label].strip():
            raise DataError(f"{path}: line {line}: {shown(row[column])} has no label")
        labels[name] = row[label].strip()
    return labels


def _rows(text: bytes, path: Path) -> list[tuple[int, list[str]]]:
    """Return the rows that are not blank, each with its line; all have as many fields."""
    try:
        lines = text.decode("utf-8").split("\n")
        separator = max(_SEPARATORS, key=lines[0].count)
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
        rows = [(reader.line_num, row) for row in reader if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is not a CSV file that can be read ({error})") from error
    width = len(rows[0][1]) if rows else 0
    if width < 2:
        raise DataError(f"{path}: has one column; expected one of file names and one of labels")
    for line, row in rows:
        if len(row) != width:
            raise DataError(f"{path}: line {line}: has {len(row)} fields, but the first line has {width}")
    return rows


def _known(files: Sequence[str]) -> dict[str, str]:
    """Return what may stand for each file, as far as it stands for one alone."""
    known: dict[str, str] = {}
    for shortened in (
        lambda name: PurePosixPath(name).stem,
        lambda name: PurePosixPath(name).name,
        lambda name: str(PurePosixPath(name).with_suffix("")),
        lambda name: name,
    ):
        several: set[str] = set()
        found: dict[str, str] = {}
        for name in files:
            short = shortened(name)
            several |= {short} & found.keys()
            found[short] = name
        known |= {short: name for short, name in found.items() if short not in several}
        for short in several:
            known.pop(short, None)
    return known


def _meant(text: str, known: dict[str, str]) -> str | None:
    """Return the file that a field means, by its whole path or by the end of it; None if there is none."""
    path = text.strip().replace("\\", "/").removeprefix("./")
    return known.get(path) or known.get(path.rpartition("/")[2])


def _label_column(first: Sequence[str], files: int, has_names: bool, path: Path) -> int:
    others = [number for number in range(len(first)) if number != files]
    if len(others) == 1:
        return others[0]
    called = [number for number in others if has_names and first[number].strip().lower() in LABEL_NAMES]
    if len(called) != 1:
        raise DataError(
            f"{path}: line 1: which column is the label? Expected one that is called {LABEL_NAMES[0]}; found "
            f"{listed([first[number] for number in others])}"
        )
    return called[0]
