"""Sources of configuration text, and the places of values in it.

A source is a file, a text that came without one, or one `key=value` of the command line.
"""

import re
from dataclasses import dataclass
from pathlib import Path

# The line ends that YAML counts, and no others: str.splitlines knows more.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """A text with a name for messages. `override` is the whole argument if the command line gave it."""

    name: str
    text: str
    path: Path | None = None
    override: str | None = None

    def line(self, number: int) -> str:
        """Return line `number`, counted from 1; empty past the end."""
        lines = _LINE_END.split(self.text)
        return lines[number - 1] if number <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of characters in a source: line and column from 1; line 0 stands for the source as a whole.

    `replaced` is the place of the value that a command-line override took over.
    """

    source: Source
    line: int
    column: int = 1
    width: int = 1
    replaced: "Place | None" = None

    def __str__(self) -> str:
        """Name file and line, as a person would: `experiments/mlp.yaml:7`, or `command line`."""
        if self.line == 0 or self.source.override is not None:
            return self.source.name
        return f"{self.source.name}:{self.line}"


def place_at(source: Source, index: int) -> Place:
    """Return the place of the character at `index` of the source's text."""
    before = _LINE_END.split(source.text[:index])
    return Place(source, len(before), len(before[-1]) + 1)


def decode(content: bytes, name: str, path: Path | None) -> Source:
    """Return the text of a file; a byte order mark at its start is no part of it.

    Raises ValueError, with a reason for people, unless it is UTF-8 throughout.
    """
    try:
        return Source(name, content.decode("utf-8").removeprefix("\ufeff"), path)
    except UnicodeDecodeError as error:
        good = Source(name, content[: error.start].decode("utf-8"))
        place = place_at(good, len(good.text))
        reason = f"not UTF-8: byte 0x{content[error.start]:02x} at line {place.line}, column {place.column}"
        raise ValueError(f"{reason}; save the file as UTF-8") from error
