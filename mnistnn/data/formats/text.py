"""Text files of numbers: how they are taken into memory, and cut into blocks of whole lines."""

from collections.abc import Iterator

from mnistnn.errors import DataError
from mnistnn.storage.compressed import decompressed

MAX_TEXT_BYTES = 1 << 29
"""No text of a set may be larger than this, decompressed: 60,000 digits are 110 MB."""

_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SHOWN = 40


def is_text(start: bytes) -> bool:
    """Tell whether a file that begins so may be text. UTF-16 counts, so that it can be refused by name."""
    return bool(start) and (start.startswith(_UTF_16_MARKS) or not any(byte < 9 or 13 < byte < 32 for byte in start))


def text_of(content: bytes, place: str) -> bytes:
    """Return the bytes of a text, decompressed, with ends of lines that are newlines, also the last.

    Raises DataError, naming `place`, for one that is damaged, too large, empty, or in UTF-16.
    """
    text = bytes(decompressed(content, MAX_TEXT_BYTES, place))
    if len(text) > MAX_TEXT_BYTES:
        raise DataError(f"{place}: is larger than the {MAX_TEXT_BYTES:,} bytes of text that are allowed")
    if text.startswith(_UTF_16_MARKS):
        raise DataError(f"{place}: is text in UTF-16; save it as UTF-8")
    text = text.removeprefix(_UTF_8_MARK)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = text.rstrip(b"\n ")
    if not text:
        raise DataError(f"{place}: the file is empty")
    return text + b"\n"


def blocks_of(text: bytes, start: int, block_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield blocks of whole lines from a text that ends with a newline, each with where it begins."""
    while start < len(text):
        end = text.find(b"\n", min(start + block_bytes, len(text) - 1)) + 1
        yield start, text[start:end]
        start = end


def line_number(text: bytes, position: int) -> int:
    """Return the line of a text, counted from 1, in which a position lies."""
    return text.count(b"\n", 0, position) + 1


def shown(field: bytes | str) -> str:
    """Return a field as messages show it: in quotes, and not too long."""
    words = field.decode("utf-8", "replace") if isinstance(field, bytes) else field
    return repr(words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…")
