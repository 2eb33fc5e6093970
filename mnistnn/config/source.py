"""Where configuration text comes from, and where in it a value stands.

A source is a file, a text that came without one, or one `key=value` of the command line. Files are read
with care: only regular files, at most 1 MiB, strict UTF-8; a pipe or a device is refused and never waited
for.
"""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 1 << 20
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

    Raises OSError, with a reason for people as its `strerror`, unless it is UTF-8 throughout.
    """
    try:
        return Source(name, content.decode("utf-8").removeprefix("\ufeff"), path)
    except UnicodeDecodeError as error:
        good = Source(name, content[: error.start].decode("utf-8"))
        place = place_at(good, len(good.text))
        reason = f"not UTF-8: byte 0x{content[error.start]:02x} at line {place.line}, column {place.column}"
        raise OSError(0, f"{reason}; save the file as UTF-8") from error


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a regular file of at most MAX_BYTES.

    Raises OSError, with a reason for people as its `strerror`, for anything else; it never blocks.
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would otherwise wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(0, "not a possible file name") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(0, "this is a folder" if stat.S_ISDIR(mode) else "not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise OSError(0, f"larger than the {MAX_BYTES >> 20} MiB that a configuration may have")
    return content
