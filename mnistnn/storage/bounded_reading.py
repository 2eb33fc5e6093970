"""Reading files that somebody else made, without trusting them with time or memory.

Only regular files are opened (a pipe would wait for ever), never more than a stated number of bytes is read,
and gzip data is decompressed up to a stated size. A file that cannot be read raises DataError; a machine that
cannot read (input/output error, no file handles) raises ResourceError.
"""

import errno
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mnistnn.errors import DataError, MnistnnError
from mnistnn.storage.writing import open_without_waiting, resource_error

MAX_SET_BYTES = 1 << 30
"""No file of images that somebody brings, compressed or not, may be larger than this."""

MAX_STORED_BYTES = 1 << 37
"""Nor may a file of a set that was generated: room for 175 million digits."""

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
_MACHINE_ERRNOS = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE}


def reading_error(path: Path, error: OSError) -> MnistnnError:
    """Turn the failure of a read into a DataError, or a ResourceError when the machine is at fault."""
    if error.errno in _MACHINE_ERRNOS:
        return resource_error(path, error)
    return DataError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}")


@contextmanager
def open_regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for reading if it is a regular file. Failures of the reads inside are translated too."""
    try:
        with open(path, "rb", opener=open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DataError(f"{path}: is not a regular file")
            yield file
    except OSError as error:
        raise reading_error(path, error) from error


def read_regular_file(path: Path, max_bytes: int = MAX_SET_BYTES) -> bytes:
    """Return the content of `path`; DataError if it has more than `max_bytes`."""
    with open_regular_file(path) as file:
        content = file.read(min(max_bytes, os.fstat(file.fileno()).st_size) + 1)
    if len(content) > max_bytes:
        raise DataError(f"{path}: larger than the {max_bytes} bytes that are allowed")
    return content


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
