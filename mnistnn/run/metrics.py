"""metrics.jsonl: one row per evaluation, in order, each exactly once; nothing in it depends on the clock."""

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mnistnn.errors import RunError
from mnistnn.storage.opening import open_own
from mnistnn.storage.reading import read_own_file
from mnistnn.storage.strict_json import parse
from mnistnn.storage.writing import own_file_error, resource_error
from mnistnn.types import LAST, History, Row, best_row, shown

COLUMNS = {"epochs": "epoch", "updates": "updates", "examples": "examples"}
COUNTERS = tuple(COLUMNS.values())
"""Columns that count how far training has come, and are no metrics."""


class MetricsFile:
    """The file while its run is being trained: rows are appended, and its length and digest are known at any time.

    A checkpoint stores both, so that a resumed run can cut off rows written after it and notice any other change.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        self._sha256 = hashlib.sha256()
        try:
            self._file = open(path, "ab", buffering=0, opener=open_own)  # noqa: SIM115 # `close` does
        except OSError as error:
            raise own_file_error(path, error) from error

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def append(self, row: Row) -> None:
        """Write one row as strict JSON."""
        line = (json.dumps(row, allow_nan=False) + "\n").encode()
        try:
            written = self._file.write(line)
            while written < len(line):  # an unbuffered write may be short
                written += self._file.write(line[written:])
        except OSError as error:
            raise resource_error(self.path, error) from error
        self._sha256.update(line)
        self.bytes += len(line)

    def cut_back(self, length: int, sha256: str) -> list[Row]:
        """Keep the first `length` bytes, which must have the digest, and return their rows.

        Raises RunError, changing nothing, if the file is shorter or altered.
        """
        content = read_own_file(self.path)
        if len(content) < length:
            raise RunError(f"{self.path}: {len(content)} bytes, but the checkpoint was saved at {length}")
        digest = hashlib.sha256(content[:length])
        if digest.hexdigest() != sha256:
            raise RunError(f"{self.path}: altered since the checkpoint was saved")
        rows = parse_rows(content[:length], self.path)
        try:
            with open(self.path, "rb+", buffering=0, opener=open_own) as file:
                os.truncate(file.fileno(), length)
        except OSError as error:
            raise own_file_error(self.path, error) from error
        self._sha256, self.bytes = digest, length
        return rows

    def close(self) -> None:
        """Close the file, which on some file systems is when a write turns out to have failed."""
        try:
            self._file.close()
        except OSError as error:
            raise resource_error(self.path, error) from error


def parse_rows(content: bytes, path: Path, first: int = 1) -> list[Row]:
    """Read rows from complete lines, the first of which has the number `first`. Raises RunError naming the line that is
    not the row of an evaluation.
    """
    rows: list[Row] = []
    for number, line in enumerate(content.splitlines(), start=first):
        try:
            row = parse(line)
        except (ValueError, RecursionError) as error:
            raise RunError(f"{path}:{number}: not strict JSON ({error})") from error
        if not isinstance(row, dict) or "epoch" not in row or not all(map(_is_number, row.values())):
            raise RunError(f"{path}:{number}: not the row of an evaluation")
        rows.append(row)
    return rows


@dataclass(frozen=True)
class RowsRead:
    """The rows of a file as it was read: how many bytes they are, and their SHA-256."""

    rows: list[Row]
    bytes: int = 0
    sha256: str = ""
    taken: int = 0
    """How many rows were taken from an earlier reading: those are the same objects."""


def read_rows(path: Path) -> list[Row]:
    """Read a finished or running file; a last line that is still being written is left out."""
    return read_on(path).rows


def read_on(path: Path, before: RowsRead | None = None) -> RowsRead:
    """Read a file in the same way; where it has only grown since it was read `before`, no more than what is new is
    parsed.
    """
    if not path.exists():
        return RowsRead([])
    content = read_own_file(path)
    content = content[: content.rfind(b"\n") + 1]
    digest = hashlib.sha256()
    rows: list[Row] = []
    begin = 0
    if before is not None and 0 < before.bytes <= len(content):
        digest.update(content[: before.bytes])
        begin = before.bytes
        if digest.hexdigest() == before.sha256:
            rows = before.rows
    digest.update(content[begin:])
    taken, begin = len(rows), begin if rows else 0
    rows = [*rows, *parse_rows(content[begin:], path, taken + 1)]
    return RowsRead(rows, len(content), digest.hexdigest(), taken)


def metrics_in(rows: Iterable[Row]) -> list[str]:
    """Return the names of all metrics in rows, in the order in which they are kept."""
    kinds = dict.fromkeys(tuple(row) for row in rows)  # few: rows of a run are alike
    return list(dict.fromkeys(name for names in kinds for name in names if name not in COUNTERS))


def best_of(rows: History, monitor: str) -> Row | None:
    """Return the row of the best epoch by what a run monitors; None if no row has a number there."""
    measured = [row for row in rows if monitor == LAST or monitor in row]
    index = best_row(measured, monitor)
    return None if index is None else measured[index]


def said_of_best(best: Row, monitor: str) -> str:
    """Say the metrics of the best epoch, first the one that made it the best."""
    names = [name for name in dict.fromkeys((monitor, "valid.error", "valid.loss")) if name in best] or ["train.loss"]
    metrics = ", ".join(f"{name} {shown(name, best[name])}" for name in names if name in best)
    return f"best epoch {best['epoch']:.6g}{': ' if metrics else ''}{metrics}"


def _is_number(value: object) -> bool:
    """Tell whether a value from JSON is a finite number, as a float too. True is an int to Python, but not here."""
    if type(value) is int:
        return abs(value) <= sys.float_info.max
    return type(value) is float and math.isfinite(value)
