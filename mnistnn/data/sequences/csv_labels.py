"""Which rows of a table are a series, and which class each has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.csv_columns import as_classes
from mnistnn.data.csv_table import CsvTable, shown
from mnistnn.data.sequences.contract import NO_LABEL
from mnistnn.errors import DataError


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Series one after the other, and the class of each row."""

    bounds: NDArray[np.int64]
    """(series + 1,): the row with which each begins, and the end of the last."""
    labels: NDArray[np.int64]
    """(rows,), NO_LABEL where a row has none."""
    class_names: tuple[str, ...]


def labelled_rows(table: CsvTable, path: Path, label: str, series: str, every_step: bool) -> LabelledRows:
    """Find series, and classes, in two columns of words.

    Raises DataError, with the line, for a series that has no name or comes back, for one without labels, for rows of
    a series with different labels unless `every_step`, and for fewer than two classes.
    """
    names, words = table.words[series], table.words[label]
    firsts = _firsts(names, table.lines, path)
    labels, class_names = as_classes(words, label, path)
    bounds = np.array([*firsts, len(names)], dtype=np.int64)
    if every_step:
        lacking = bounds[:-1][np.maximum.reduceat(labels, bounds[:-1]) == NO_LABEL]
        if lacking.size:
            row = lacking[0]
            raise DataError(f"{path}: line {table.lines[row]}: no row of series {shown(names[row])} has a label")
        return LabelledRows(bounds, labels, class_names)
    expected = labels[np.repeat(bounds[:-1], np.diff(bounds))]
    other = np.flatnonzero((labels == NO_LABEL) | (labels != expected))
    if other.size:
        row = other[0]
        first = bounds[np.searchsorted(bounds, row, side="right") - 1]
        place, name = f"{path}: line {table.lines[row]}, column {shown(label)}", shown(names[row])
        if not words[row]:
            raise DataError(f"{place}: is empty; each row has the label of its series, which is {name}")
        raise DataError(
            f"{place}: {shown(words[row])}, and series {name} began with {shown(words[first])}; a series has one "
            "label, unless `every_step` is true"
        )
    return LabelledRows(bounds, labels, class_names)


def _firsts(names: Sequence[str], lines: NDArray[np.int64], path: Path) -> list[int]:
    """Return the row with which each series begins."""
    begun: dict[str, int] = {}
    for row, name in enumerate(names):
        if row and name == names[row - 1]:
            continue
        if not name:
            raise DataError(f"{path}: line {lines[row]}: the series has no name")
        if name in begun:
            raise DataError(
                f"{path}: line {lines[row]}: series {shown(name)} comes back, which began in line "
                f"{lines[begun[name]]}; the rows of a series must follow one another"
            )
        begun[name] = row
    return list(begun.values())
