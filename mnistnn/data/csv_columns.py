"""What columns of a CSV table become, for all who read one: inputs and numbers to predict, or classes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from mnistnn.data.csv_table import LARGEST, CsvTable, shown
from mnistnn.data.sequences.contract import NO_LABEL, Unit
from mnistnn.errors import DataError
from mnistnn.types import SplitName

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


def _each_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError(f"each column once, got {names}")
    return names


Columns = Annotated[list[str], Field(min_length=1), AfterValidator(_each_once)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Separator = Literal[",", ";", "\t", "|"]


def cut_in_order(count: int, valid: float, test: float) -> dict[SplitName, range]:
    """Return which of so many rows, or series, are those of each split: the first ones train, the last ones test."""
    n_valid, n_test = round(valid * count), round(test * count)
    train = count - n_valid - n_test
    return {"train": range(train), "valid": range(train, train + n_valid), "test": range(train + n_valid, count)}


def as_numbers(
    table: CsvTable, names: Sequence[str], learned_from: range, standardize: bool, path: Path
) -> tuple[NDArray[np.float32], list[Unit]]:
    """Return the numbers of a table (rows, columns) as they are learned from, and what those of a column are. The
    numbers of the table are used up.

    With `standardize`, means and deviations are those of the rows `learned_from`. Raises DataError for what float32
    cannot hold any more.
    """
    numbers, units = table.numbers, list(map(Unit, names))
    if standardize:
        known = numbers[learned_from.start : learned_from.stop]
        mean, deviation = known.mean(axis=0), known.std(axis=0)
        is_constant = known.min(axis=0) == known.max(axis=0)
        mean[is_constant] = known[0, is_constant]  # rounding would leave a remainder
        deviation[is_constant | (deviation == 0)] = 1.0
        units = [Unit(*unit) for unit in zip(names, mean.tolist(), deviation.tolist(), strict=True)]
        numbers -= mean
        numbers /= deviation
        beyond = np.argwhere(np.abs(numbers) > LARGEST)
        if beyond.size:
            row, column = beyond[0]
            raise DataError(
                f"{path}: line {table.lines[row]}, column {shown(names[column])}: is so far from the training split "
                "that float32 cannot hold it when standardized"
            )
    return numbers.astype(np.float32), units


def as_classes(words: Sequence[str], label: str, path: Path) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the class of each word of the column `label` (rows,), NO_LABEL for empty ones, and what the classes are
    called, in their order: as numbers if all are integers, else as words.

    Raises DataError for fewer than two classes.
    """
    different = set(words) - {""}
    if all(map(_INTEGER.fullmatch, different)):
        integers = {value: number for number, value in enumerate(sorted({int(word) for word in different}))}
        numbers, names = {word: integers[int(word)] for word in different}, tuple(map(str, integers))
    else:
        names = tuple(sorted(different))
        numbers = {word: number for number, word in enumerate(names)}
    if len(names) < 2:
        raise DataError(f"{path}: column {shown(label)} has fewer than two different labels")
    numbers[""] = NO_LABEL
    return np.array([numbers[word] for word in words], dtype=np.int64), names
