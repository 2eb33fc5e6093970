"""Reading the files of a run, which may have been damaged, or made by somebody else.

Only regular files are opened (a pipe would wait for ever), and never more than a stated number of bytes is read.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mnistnn.errors import RunError
from mnistnn.storage.writing import open_without_waiting

MAX_BYTES = 1 << 33
"""No file of a run may be larger than this."""

MAX_JSON_BYTES = 1 << 20
"""No file of a run that is one JSON object may be larger than this."""


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading. Raises RunError, also for reads inside that fail."""
    try:
        with open(path, "rb", opener=open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RunError(f"{path}: not a file")
            yield file
    except IsADirectoryError:
        raise RunError(f"{path}: not a file") from None
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}") from error


def read_file(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a regular file. Raises RunError if it has more than `max_bytes`."""
    with open_file(path) as file:
        content = file.read(min(max_bytes, os.fstat(file.fileno()).st_size) + 1)
    if len(content) > max_bytes:
        raise RunError(f"{path}: larger than the {max_bytes} bytes that are allowed")
    return content
