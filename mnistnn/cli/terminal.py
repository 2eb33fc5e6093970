"""Output to a terminal: text without control characters, only what it can show, and colour only where wanted.

File names, labels and messages of other libraries come from outside and could carry escape sequences that
move the cursor, rewrite lines or change the terminal's title.
"""

import os
import sys


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
