"""Decompressing what somebody else compressed, up to a stated size."""

import bz2
import struct
import zipfile
import zlib

from mnistnn.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
BZIP2_MAGIC = b"BZh"

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
_BZIP2_BLOCK_BYTES = 1 << 20  # the first block, of at most 900,000 bytes, is needed for the first byte


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


def bunzip2(content: bytes, max_bytes: int, place: str) -> bytearray:
    """Decompress all streams of a bzip2 file into at most `max_bytes`. Raises DataError as `gunzip`."""
    output = bytearray()
    position = 0
    try:
        while position < len(content):
            stream = bz2.BZ2Decompressor()
            while not stream.eof:
                piece = content[position : position + _CHUNK_BYTES] if stream.needs_input else b""
                if stream.needs_input and not piece:
                    raise DataError(f"{place}: the compressed data ends too early")
                position += len(piece)
                output += stream.decompress(piece, max_bytes + 1 - len(output))
                if len(output) > max_bytes:
                    raise DataError(f"{place}: decompresses to more than the expected {max_bytes} bytes")
            position -= len(stream.unused_data)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{place}: the compressed data is damaged ({error})") from error
    return output


def decompressed(content: bytes, max_bytes: int, place: str) -> bytes | bytearray:
    """Return the content of a gzip or bzip2 file, decompressed into at most `max_bytes`, and of any other as it is.

    Raises DataError, naming `place`, for a damaged file, and for output beyond `max_bytes`.
    """
    if content.startswith(GZIP_MAGIC):
        return gunzip(content, max_bytes, place)
    return bunzip2(content, max_bytes, place) if content.startswith(BZIP2_MAGIC) else content


def decompressed_start(content: bytes, count: int, place: str) -> bytes:
    """Return the first `count` bytes of `decompressed`; fewer when there are no more, or the end is damaged."""
    if content.startswith(GZIP_MAGIC):
        return gunzip_start(content, count, place)
    if not content.startswith(BZIP2_MAGIC):
        return content[:count]
    try:
        return bz2.BZ2Decompressor().decompress(content[:_BZIP2_BLOCK_BYTES], count)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{place}: the compressed data is damaged ({error})") from error
