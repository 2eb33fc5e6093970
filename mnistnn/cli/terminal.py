"""Output to a terminal: text without control characters, only what it can show, and colour only where wanted.

File names, labels and messages of other libraries come from outside and could carry escape sequences that
move the cursor, rewrite lines or change the terminal's title.
"""

import codecs
import errno
import os
import re
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

# What stands for a character that the encoding of a stream has not; a question mark for all others.
_INSTEAD = {"×": "x", "–": "-", "—": "-", "−": "-", "…": "...", "Δ": "D", "≤": "<=", "≥": ">=", "→": "->", "±": "+-"}
_INSTEAD |= {"·": "*", "÷": "/", "’": "'", "“": '"', "”": '"', "²": "2", "³": "3", "η": "eta", "θ": "theta", "σ": "s"}
_ERRORS = "mnistnn.instead"
_LONGEST_WORD, _SHOWN = 1000, 100  # paths may be long
_LONGEST_LINE = 4000


def prepare_streams() -> None:
    """Let stdout and stderr carry whatever is written: characters that their encoding has not are replaced, and a
    stream that the process was started without goes to nowhere, as does a terminal once it is closed.
    """
    codecs.register_error(_ERRORS, _instead)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 # lives as long as the process
        elif isinstance(stream, TextIOWrapper) and _is_terminal(stream):
            raw = _Terminal(stream.fileno(), "w", closefd=False)
            setattr(sys, name, TextIOWrapper(BufferedWriter(raw), stream.encoding, _ERRORS, line_buffering=True))
        elif isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors=_ERRORS)


def _is_terminal(stream: TextIOWrapper) -> bool:
    """Tell whether a stream writes bytes to a terminal. A console of Windows takes text, by a class of its own."""
    return stream.isatty() and isinstance(getattr(stream.buffer, "raw", stream.buffer), FileIO)


class _Terminal(FileIO):
    """A terminal. One that was closed takes what is written as it took what was written before: nobody sees it."""

    def write(self, content: "Buffer", /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return memoryview(content).nbytes


def _instead(error: UnicodeError) -> tuple[str, int]:
    """Return what to write for characters that cannot be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_INSTEAD.get(character, "?") for character in missing), error.end


def printable(text: str) -> str:
    r"""Return `text` with what is neither visible nor a newline or tab written as an escape such as \x1b."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def can_show(text: str) -> bool:
    """Tell whether stdout can carry these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def colour() -> bool | None:
    """Return False if the user wants no colour; None leaves it to click: only if the stream is a terminal.

    NO_COLOR counts when it is set to anything but the empty string (no-color.org).
    """
    unwanted = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return False if unwanted else None


def shortened(message: str) -> str:
    """Return a message in which nothing that was given is echoed at a length that hides the message itself."""

    def cut(word: re.Match[str]) -> str:
        return f"{word[0][:_SHOWN]}… ({len(word[0]):,} characters)"

    lines = re.sub(rf"\S{{{_LONGEST_WORD},}}", cut, message).split("\n")
    return "\n".join(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines)
