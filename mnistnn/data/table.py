"""Rows of a CSV file of one's own: columns of numbers, from which others, or a class, are to be predicted."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mnistnn.component import component
from mnistnn.data.csv_columns import Columns, Fraction, Separator, as_classes, as_numbers, cut_in_order
from mnistnn.data.csv_table import CsvFile, shown
from mnistnn.data.sequences.contract import NO_LABEL
from mnistnn.errors import ConfigError, DataError
from mnistnn.types import SplitName


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of a table, and which of them each split has.

    inputs       (rows, columns)
    targets      classes (rows,), or numbers (rows, k)
    class_names  what the classes are called; None where targets are numbers
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.int64] | NDArray[np.float32]
    class_names: tuple[str, ...] | None
    splits: dict[SplitName, range]


@component
class Table:
    """A CSV file whose first line names the columns; each row below it is an example.

    Inputs are columns of numbers. What is to be predicted is either the numbers of the columns `predict`, or the class
    that the column `label` says. The first rows are the training split, the next ones validation, the last ones test;
    so a file that is sorted should be shuffled first. Classes are the different labels of the whole file in their
    order, as numbers if all are integers, else as words.
    """

    path: Annotated[str, Field(min_length=1)]
    """The file, seen from the folder in which mnistnn runs, or from that of the experiment; text in UTF-8."""
    separator: Separator = ","
    """The separator between two fields of a line."""
    columns: Columns | None = None
    """Columns of numbers that are the inputs; null takes all that are not predicted."""
    predict: Columns | None = None
    """Columns of numbers to predict."""
    label: str | None = None
    """The column of classes: integers or words."""
    standardize: bool = True
    """Subtract the mean of each column of numbers, and divide by its standard deviation, both those of the training
    split. A column that does not vary there is only centred. Numbers to predict are treated likewise."""
    valid: Fraction = 0.15
    """The fraction of all rows for validation, rounded to a whole number of them; 0 for none."""
    test: Annotated[Fraction, Field(gt=0)] = 0.15
    """The fraction of all rows to test on, rounded likewise."""
    whole: bool = False
    """Each split is the whole table, so nothing is unseen: for truth tables, which have no other rows to test on."""

    @model_validator(mode="after")
    def _predicts_one_kind(self) -> "Table":
        if (self.label is None) == (self.predict is None):
            raise ValueError("takes one of label, the column of classes, and predict, the columns of numbers")
        for key, names in (("label", [self.label]), ("predict", self.predict or [])):
            for name in names:
                if name in (self.columns or ()):
                    raise ValueError(f"columns: {name!r} is no input, but what is predicted ({key})")
        if self.valid + self.test >= 1:
            raise ValueError(f"valid and test are {self.valid} and {self.test} of everything: nothing is left to train")
        return self

    def read(self) -> Rows:
        """Return the rows of the file.

        Raises ConfigError, with the key at fault as it is called here, for a file or a column that is not there and for
        a split without rows; DataError, with line and column, for what cannot be read.
        """
        file = CsvFile(Path(self.path), self.separator)
        predicted = self.predict or []
        labels = [] if self.label is None else [self.label]
        for key, names in (("columns", self.columns or []), ("predict", predicted), ("label", labels)):
            file.refuse_unknown(names, key)
        columns = self.columns or [name for name in file.names if name not in (*predicted, *labels)]
        if not columns:
            raise ConfigError(
                f"{self.path} has no columns but those that are predicted, so there are no inputs",
                key="predict" if predicted else "label",
            )
        hint = "" if self.columns else "; `columns` names those to read, if not all have numbers"
        table = file.read([*columns, *predicted], labels, hint)
        splits = self._cut(len(table.lines))
        numbers, _ = as_numbers(table, [*columns, *predicted], splits["train"], self.standardize, file.path)
        inputs = np.ascontiguousarray(numbers[:, : len(columns)])
        if self.label is None:
            return Rows(inputs, np.ascontiguousarray(numbers[:, len(columns) :]), None, splits)
        classes, class_names = as_classes(table.words[self.label], self.label, file.path)
        lacking = np.flatnonzero(classes == NO_LABEL)
        if lacking.size:
            raise DataError(
                f"{file.path}: line {table.lines[lacking[0]]}, column {shown(self.label)}: is empty; each row has a "
                "label"
            )
        return Rows(inputs, classes, class_names, splits)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of the file."""
        return {self.path: hashlib.sha256(Path(self.path).read_bytes()).hexdigest()}

    def _cut(self, count: int) -> dict[SplitName, range]:
        if self.whole:
            return dict.fromkeys(("train", "valid", "test"), range(count))
        splits = cut_in_order(count, self.valid, self.test)
        for split, rows in splits.items():
            if not rows and not (split == "valid" and not self.valid):
                raise ConfigError(
                    f"of the {count} rows in {self.path}, the {split} split has none",
                    key="test" if split == "train" else split,
                )
        return splits
