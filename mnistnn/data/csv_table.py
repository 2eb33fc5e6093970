"""Tables in CSV files that somebody else made: a line of names, then rows of numbers and words.

Fields may be quoted, as in RFC 4180. Blanks at the ends of a field are not part of it; after a closing quote there may
be none. Blank lines may only end the file: elsewhere they would hide that something is missing.
"""

import csv
import io
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import ConfigError, DataError, did_you_mean
from mnistnn.storage.reading import data_error, read_file

MAX_CSV_BYTES = 1 << 28
"""No CSV file may be larger than this. Its numbers may then take a GiB: a digit and a separator become eight bytes."""

LARGEST = float(np.finfo(np.float32).max)
"""No number may be larger than this, so that all can become float32."""

_MOST_COLUMNS = 100_000
_LONGEST_SHOWN = 80
_MOST_LISTED = 20


@dataclass(frozen=True, eq=False)
class CsvTable:
    """The columns that were asked for, row by row."""

    numbers: NDArray[np.float64]
    """(rows, columns of numbers)."""
    words: dict[str, list[str]]
    """Each column of words, without blanks around them."""
    lines: NDArray[np.int64]
    """(rows,): the line of the file in which each row begins, counted from 1."""


class CsvFile:
    """A CSV file as it was when it was opened. Its columns are known by `names`; `read` takes its rows."""

    def __init__(self, path: Path, separator: str) -> None:
        """Read the file into memory, and its first line.

        Raises ConfigError for the key `path` when there is no such file, DataError for one that is not text in UTF-8,
        is empty, too large, or has names that cannot tell columns apart.
        """
        self.path, self._separator = path, separator
        self._content = _content(path)
        _line, names = next(self._lines(), (1, []))
        self.names = [name.strip() for name in names]
        if not self.names:
            raise DataError(f"{path}: is empty; its first line is to name the columns")
        if len(names) > _MOST_COLUMNS:
            raise DataError(f"{path}: line 1: {len(names)} columns, allowed are up to {_MOST_COLUMNS}")
        if len(names) == 1 and (others := [each for each in ";\t|," if each != separator and each in names[0]]):
            other = shown(others[0])
            raise DataError(
                f"{path}: line 1: is one field, {shown(names[0])}; if fields are separated by {other}, say so: "
                f"separator: {other}"
            )
        if all(_is_number(name) for name in self.names):
            raise DataError(
                f"{path}: line 1: has only numbers ({_listed(self.names)}), but the first line is to name the columns"
            )
        self._places: dict[str, int] = {}
        for number, name in enumerate(self.names):
            if not name:
                raise DataError(f"{path}: line 1: column {number + 1} of {len(names)} has no name")
            if name in self._places:
                raise DataError(f"{path}: line 1: two columns are called {shown(name)}")
            self._places[name] = number

    def refuse_unknown(self, names: Sequence[str], key: str) -> None:
        """Raise ConfigError for the key if the file has no column of one of these names."""
        for name in names:
            if name not in self._places:
                suggestion = did_you_mean(name, self.names, after=" ", quoted=repr)
                raise ConfigError(
                    f"{self.path} has no column {shown(name)}; {suggestion}its columns: {_listed(self.names)}", key=key
                )

    def read(self, numbers: Sequence[str], words: Sequence[str] = (), hint: str = "") -> CsvTable:
        """Return these columns, which there are. `hint` is added to the message for what is no number.

        Raises DataError, with line and column, for rows with more or fewer fields than there are columns, for what is
        no number, not finite or larger than float32 can hold, and for a file without rows.
        """
        columns = [(self._places[name], name) for name in numbers]
        of_words = [(self._places[name], list[str]()) for name in words]
        values, lines = array("d"), array("q")
        each_once: dict[str, str] = {}  # most words come many times
        rows = self._lines()
        next(rows)
        for line, row in rows:
            if len(row) != len(self.names):
                raise DataError(
                    f"{self.path}: line {line}: has {len(row)} fields, and the first line names "
                    f"{len(self.names)} columns"
                )
            lines.append(line)
            for column, name in columns:
                values.append(self._number(row[column], line, name, hint))
            for column, found in of_words:
                word = row[column].strip()
                found.append(each_once.setdefault(word, word))
        if not lines:
            raise DataError(f"{self.path}: has no rows below the names of its columns")
        return CsvTable(
            np.frombuffer(values, dtype=np.float64).reshape(len(lines), len(columns)),
            dict(zip(words, (found for _, found in of_words), strict=True)),
            np.frombuffer(lines, dtype=np.int64),
        )

    def _number(self, text: str, line: int, name: str, hint: str) -> float:
        if self._separator != "," and text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")  # a decimal comma
        try:
            value = float("" if "_" in text else text)  # Python would read 1_000
        except ValueError:
            problem = f"is no number{hint}"
        else:
            if abs(value) <= LARGEST:
                return value
            problem = "is larger than float32 can hold" if math.isfinite(value) else "is not finite"
        raise DataError(f"{self.path}: line {line}, column {shown(name)}: {shown(text)} {problem}")

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the fields of each row, the first one included, and the line in which it begins."""
        text = io.TextIOWrapper(io.BytesIO(self._content), encoding="utf-8-sig", newline="")
        reader = csv.reader(text, delimiter=self._separator, skipinitialspace=True, strict=True)
        blank = None
        while True:
            line = reader.line_num + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise DataError(f"{self.path}: line {line}: {error}") from error
            if row is None:
                return
            if blank is not None and row:
                raise DataError(f"{self.path}: line {blank}: is blank, and is not the end of the file")
            if row:
                yield line, row
            elif blank is None:
                blank = line


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ".", 1))
    except ValueError:
        return False
    return True


def _content(path: Path) -> bytes:
    try:
        if not path.exists():
            beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
            suggestion = did_you_mean(
                path.name, beside, before="; ", quoted=lambda near: repr(str(path.with_name(near)))
            )
            raise ConfigError(f"no such file: {path}{suggestion}", key="path")
    except (OSError, ValueError) as error:  # a name that is too long, a folder that is not ours, a byte 0
        raise ConfigError(f"cannot be read: {shown(str(path))}: {error}", key="path") from error
    content = read_file(path, MAX_CSV_BYTES, data_error)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}: line {line}: is not text in UTF-8") from error
    return content


def shown(text: str) -> str:
    """Return a text of the file as messages show it: in quotes, without control characters, and not too long."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…")


def _listed(names: Sequence[str]) -> str:
    some = names[:_MOST_LISTED]
    more = ", …" if len(some) < len(names) else ""
    return ", ".join(map(shown, some)) + more
