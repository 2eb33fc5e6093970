"""Decompressing what somebody else compressed, up to a stated size."""

import struct
import zipfile
import zlib

from mnistnn.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"

ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What Python's zipfile raises, besides its own error, when an archive is damaged."""

_GZIP_WBITS = 31  # zlib's number for: a gzip header and trailer, the checksum verified
_CHUNK_BYTES = 1 << 16


def gunzip(content: bytes, max_bytes: int, place: str) -> bytearray:
    """Decompress all members of a gzip file into at most `max_bytes`.

    Raises DataError, naming `place`, for an empty file (gzip itself would return nothing without a word), a
    truncated or damaged one, anything after the last member, and output beyond `max_bytes`.
    """
    if not content:
        raise DataError(f"{place}: the file is empty")
    output = bytearray()
    position = 0
    try:
        while position < len(content):
            member = zlib.decompressobj(wbits=_GZIP_WBITS)
            while not member.eof:
                piece = content[position : position + _CHUNK_BYTES]
                if not piece:
                    raise DataError(f"{place}: the compressed data ends too early")
                position += len(piece)
                output += member.decompress(piece, max_bytes + 1 - len(output))
                if len(output) > max_bytes:
                    raise DataError(f"{place}: decompresses to more than the expected {max_bytes} bytes")
            position -= len(member.unused_data)
    except zlib.error as error:
        raise DataError(f"{place}: the compressed data is damaged ({error})") from error
    return output


def gunzip_start(content: bytes, count: int, place: str) -> bytes:
    """Decompress only the first `count` bytes; fewer come back when there are no more."""
    try:
        return zlib.decompressobj(wbits=_GZIP_WBITS).decompress(content[:_CHUNK_BYTES], count)
    except zlib.error as error:
        raise DataError(f"{place}: the compressed data is damaged ({error})") from error
