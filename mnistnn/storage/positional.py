"""Reading at a place in an open file, by any number of threads at a time."""

import os
import threading
from typing import BinaryIO


class PositionalReader:
    """Reads an open file at any place.

    Where the system reads at a place that it is told, threads do not wait for each other. Elsewhere, as on Windows,
    they set the one position of the file in turn; so nobody else may read it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._lock = file, threading.Lock()

    def read_into(self, out: memoryview, position: int) -> int:
        """Read bytes from `position` on into `out`; return how many, 0 at the end of the file. Raises OSError."""
        if hasattr(os, "preadv"):
            count: int = os.preadv(self._file.fileno(), [out], position)
            return count
        with self._lock:
            self._file.seek(position)
            content = self._file.read(len(out))
        out[: len(content)] = content
        return len(content)
