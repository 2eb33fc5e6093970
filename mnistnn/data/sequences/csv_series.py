"""Sequences in a CSV file of one's own: a series to forecast, or many to label."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from mnistnn.component import component
from mnistnn.data.csv_columns import Columns, Fraction, Separator, as_numbers, cut_in_order
from mnistnn.data.csv_table import CsvFile
from mnistnn.data.sequences.contract import MAX_NUMBERS, NO_LABEL, Sequences, SequencesInfo, SequenceSource
from mnistnn.data.sequences.csv_labels import labelled_rows
from mnistnn.errors import ConfigError, TooLittleMemoryError
from mnistnn.types import SplitName


@dataclass(frozen=True, eq=False)
class _Opened:
    """The content of a file, cut into splits; `take` makes the sequences of one."""

    info: SequencesInfo
    take: Callable[[SplitName], Sequences]


@component
class CsvSeries(SequenceSource):
    """A CSV file whose first line names the columns, in one of two uses.

    Forecasting, without `label`: each row is a point in time. Inputs are windows of `window` rows; the targets of each
    step are the values of the columns `predict` in the row `horizon` later. The first rows are the training split, the
    next ones validation, the last ones test. Windows and the rows of their targets lie in one split: its last `horizon`
    rows are targets only, and nothing of a later split is seen in an earlier one, or the other way round. Rows too few
    for another window are left over.

    Labelling, with `label` and `series`: rows that follow one another with one name in the column `series` are one
    sequence, and `label` is the column of its class. The first series of the file are the training split, the next ones
    validation, the last ones test; so a file that is sorted by class should be shuffled first. Classes are the
    different labels of the whole file in their order, as numbers if all are integers, else as words.
    """

    type: Literal["csv"] = "csv"
    path: Annotated[str, Field(min_length=1)]
    """The file, seen from the folder in which mnistnn runs; text in UTF-8."""
    separator: Separator = ","
    """The separator between two fields of a line."""
    columns: Columns | None = None
    """Columns of numbers that are the inputs; null takes all but label and series."""
    standardize: bool = True
    """Subtract the mean of each column of numbers, and divide by its standard deviation, both those of the rows of the
    training split. A column that does not vary there is only centred. Numbers to forecast are treated likewise."""
    valid: Fraction = 0.15
    """The fraction of all rows, or series, for validation, rounded to a whole number of them; 0 for none."""
    test: Annotated[Fraction, Field(gt=0)] = 0.15
    """The fraction of all rows, or series, to test on, rounded likewise."""
    window: Annotated[int, Field(ge=1)] | None = None
    """Steps of a sequence, if it is to be forecast."""
    stride: Annotated[int, Field(ge=1)] | None = None
    """Rows from the beginning of a window to that of the next; null takes as many as a window has."""
    horizon: Annotated[int, Field(ge=1)] = 1
    """How many rows later the numbers are that each step forecasts."""
    predict: Columns | None = None
    """Columns of numbers to forecast; null takes the inputs."""
    label: str | None = None
    """The column of classes: integers or words, one for each series."""
    series: str | None = None
    """The column that says which series a row belongs to."""
    every_step: bool = False
    """Each row has a label of its own, or none where the field is empty."""

    @model_validator(mode="after")
    def _is_one_use(self) -> "CsvSeries":
        if (self.label is None) != (self.series is None):
            raise ValueError("label and series belong together: one names the column of classes, one that of series")
        if self.label is None:
            if self.window is None:
                raise ValueError("takes window, to forecast a series, or label and series, to label several")
            if self.every_step:
                raise ValueError("every_step: says where labels are, and there is no label")
        else:
            given = ("window", self.window), ("stride", self.stride), ("predict", self.predict)
            misplaced = [key for key, value in given if value is not None] + ["horizon"] * (self.horizon > 1)
            if misplaced:
                raise ValueError(f"{misplaced[0]}: is for forecasting, and with label nothing is forecast")
            if self.label == self.series:
                raise ValueError(f"label and series are two columns, got {self.label!r} for both")
            for key, name in (("label", self.label), ("series", self.series)):
                if name in (self.columns or ()):
                    raise ValueError(f"columns: {name!r} is no input, but the {key}")
        if self.valid + self.test >= 1:
            raise ValueError(f"valid and test are {self.valid} and {self.test} of everything: nothing is left to train")
        return self

    def describe(self) -> SequencesInfo:
        return self._open().info

    def read(self, split: SplitName) -> Sequences:
        return self._open().take(split)

    def digests(self) -> dict[str, str]:
        return {self.path: hashlib.sha256(Path(self.path).read_bytes()).hexdigest()}

    def _open(self) -> _Opened:
        file = CsvFile(Path(self.path), self.separator)
        special = [name for name in (self.label, self.series) if name is not None]
        asked = {"columns": self.columns, "predict": self.predict, "label": special[:1], "series": special[1:]}
        for key, names in asked.items():
            file.refuse_unknown(names or [], key)
        columns = self.columns or [name for name in file.names if name not in special]
        if not columns:
            raise ConfigError(f"{self.path} has no columns but label and series, so there are no inputs", key="series")
        return self._forecasts(file, columns) if self.label is None else self._labelled(file, columns)

    @property
    def _hint(self) -> str:
        """What may help who meets a column without numbers."""
        return "" if self.columns else "; `columns` names those to read, if not all have numbers"

    def _forecasts(self, file: CsvFile, columns: list[str]) -> _Opened:
        assert self.window is not None
        window, predict = self.window, self.predict or columns
        places = {name: place for place, name in enumerate(dict.fromkeys([*columns, *predict]))}
        read = list(places)
        table = file.read(read, hint=self._hint)
        parts = cut_in_order(len(table.lines), self.valid, self.test)
        starts = {split: self._starts(rows, split, len(table.lines)) for split, rows in parts.items()}
        most = max(map(len, starts.values())) * window * max(len(columns), len(predict))
        if most > MAX_NUMBERS:
            raise ConfigError(
                f"windows of {window} steps every {self.stride} rows have {most} inputs or targets in a split, "
                f"allowed are {MAX_NUMBERS}",
                key="stride",
            )
        values, units = as_numbers(table, read, parts["train"], self.standardize, file.path)
        inputs, targets = values[:, : len(columns)], values[:, [places[name] for name in predict]]

        def take(split: SplitName) -> Sequences:
            rows = np.array(starts[split], dtype=np.int64)[:, None] + np.arange(window)  # (n, window)
            return Sequences(inputs[rows], targets[rows + self.horizon], None)

        info = SequencesInfo(
            steps=window,
            features=len(columns),
            examples={split: len(found) for split, found in starts.items()},
            classes=None,
            numbers=len(predict),
            every_step=True,
            ragged=False,
            units=tuple(units[places[name]] for name in predict),
        )
        return _Opened(info, take)

    def _starts(self, rows: range, split: SplitName, count: int) -> range:
        """Return the first row of each window of a split, such that its last target is still in the split."""
        assert self.window is not None
        if split == "valid" and not self.valid:
            return range(0)
        needed = self.window + self.horizon
        if needed > len(rows):
            raise ConfigError(
                f"a window of {self.window} rows, with targets {self.horizon} later, needs {needed} rows, and the "
                f"{split} split has {len(rows)} of the {count} in {self.path}",
                key="window",
            )
        return range(rows.start, rows.stop - needed + 1, self.stride or self.window)

    def _labelled(self, file: CsvFile, columns: list[str]) -> _Opened:
        assert self.label is not None
        assert self.series is not None
        table = file.read(columns, [self.label, self.series], self._hint)
        found = labelled_rows(table, file.path, self.label, self.series, self.every_step)
        bounds, labels = found.bounds, found.labels
        parts = cut_in_order(len(bounds) - 1, self.valid, self.test)
        for split, numbers in parts.items():
            if not numbers and not (split == "valid" and not self.valid):
                raise ConfigError(
                    f"of the {len(bounds) - 1} series in {self.path}, the {split} split has none",
                    key="test" if split == "train" else split,
                )
        lengths = np.diff(bounds)
        steps = int(lengths.max())
        most = max(map(len, parts.values())) * steps * len(columns)
        if most > MAX_NUMBERS:
            raise TooLittleMemoryError(
                f"{file.path}: a split has {most} inputs when all its series are as long as the longest, with {steps} "
                f"rows; allowed are {MAX_NUMBERS}"
            )
        ragged = bool((lengths < steps).any())
        learned_from = range(int(bounds[parts["train"].stop]))
        values, _ = as_numbers(table, columns, learned_from, self.standardize, file.path)

        def take(split: SplitName) -> Sequences:
            n, own = len(parts[split]), slice(parts[split].start, parts[split].stop)
            rows = slice(bounds[own.start], bounds[own.stop])
            mask = np.arange(steps) < lengths[own][:, None]  # (n, steps): in their order, the rows of the split
            inputs = np.zeros((n, steps, len(columns)), dtype=np.float32)
            inputs[mask] = values[rows]
            targets = labels[bounds[:-1][own]]
            if self.every_step:
                targets = np.full((n, steps), NO_LABEL, dtype=np.int64)
                targets[mask] = labels[rows]
            return Sequences(inputs, targets, lengths[own].copy() if ragged else None)

        info = SequencesInfo(
            steps=steps,
            features=len(columns),
            examples={split: len(numbers) for split, numbers in parts.items()},
            classes=len(found.class_names),
            numbers=None,
            every_step=self.every_step,
            ragged=ragged,
            class_names=found.class_names,
        )
        return _Opened(info, take)
