"""Reading files that may have been damaged, or made by somebody else.

Only regular files are opened (a pipe would wait for ever), and never more than a stated number of bytes is read. The
caller says which error a file that cannot be read becomes: that of a damaged run, of bad data, or one of its own.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mnistnn.errors import DataError, MnistnnError, RunError
from mnistnn.storage.opening import NotRegularError, foreign, open_own, open_without_waiting
from mnistnn.storage.writing import resource_error

MAX_BYTES = 1 << 33
"""No file of a run may be larger than this."""

MAX_JSON_BYTES = 1 << 20
"""No file of a run that is one JSON object may be larger than this."""

_MACHINE_ERRNOS = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE}

Refusal = Callable[[Path, OSError], Exception]
"""Returns the error to be raised for a file that cannot be read."""


class TooLargeError(OSError):
    """A file of more than `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(0, f"larger than the {max_bytes} bytes that are allowed")


def run_error(path: Path, error: OSError) -> RunError:
    """Return the error that refuses a file of a run."""
    if isinstance(error, IsADirectoryError):
        return RunError(f"{path}: not a file")
    return foreign(path, error) or RunError(f"{path}: {error.strerror or error}")


def data_error(path: Path, error: OSError) -> MnistnnError:
    """Return the error that refuses a file of data: DataError, or ResourceError when the machine is at fault."""
    if error.errno in _MACHINE_ERRNOS:
        return resource_error(path, error)
    if isinstance(error, NotRegularError):
        return DataError(f"{path}: is {error.strerror}")
    if isinstance(error, TooLargeError):
        return DataError(f"{path}: {error.strerror}")
    return DataError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}")


@contextmanager
def open_file(path: Path, refused: Refusal = run_error, follow: bool = True) -> Iterator[BinaryIO]:
    """Open a regular file for reading. Raises what `refused` returns, also for reads inside that fail.

    follow  False for a file inside a run or a sweep, which is refused if it is a link
    """
    try:
        with _open(path, follow) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NotRegularError
            yield file
    except OSError as error:
        raise refused(path, error) from error


def read_file(path: Path, max_bytes: int = MAX_BYTES, refused: Refusal = run_error, follow: bool = True) -> bytes:
    """Return the content of a regular file. Raises what `refused` returns, also if it has more than `max_bytes`."""
    with open_file(path, refused, follow) as file:
        content = file.read(min(max_bytes, os.fstat(file.fileno()).st_size) + 1)
        if len(content) > max_bytes:
            raise TooLargeError(max_bytes)
    return content


def read_own_file(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a file inside a run or a sweep. Raises RunError, also for a link."""
    return read_file(path, max_bytes, follow=False)


def _open(path: Path, follow: bool) -> BinaryIO:
    try:
        return open(path, "rb", opener=open_without_waiting if follow else open_own)
    except ValueError as error:  # a byte 0, or half of a surrogate pair
        raise OSError(0, "not a possible file name") from error
