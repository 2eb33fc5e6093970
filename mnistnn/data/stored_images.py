"""Images that stay on the disk.

They are read into memory that the reader owns, not mapped: pages of a map would count as the process's own, and a read
that fails is an error where a map would end the process.
"""

import os
import weakref
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.datasets import cache, verified
from mnistnn.data.datasets.manifest import StoredFile
from mnistnn.data.formats.idx import MAX_HEADER_BYTES, header_bytes, idx_shape
from mnistnn.data.limits import MAX_STORED_BYTES
from mnistnn.errors import DataError
from mnistnn.storage.positional import PositionalReader
from mnistnn.storage.reading import data_error


def open_idx(path: Path, expected: StoredFile, shape: tuple[int, ...]) -> BinaryIO:
    """Return an IDX file of known shape, open and verified. The caller closes it."""
    refuse_other_size(path, expected, shape)
    file = verified.open_verified(path, expected)
    try:
        file.seek(0)
        if idx_shape(file.read(MAX_HEADER_BYTES), str(path), MAX_STORED_BYTES) != shape:
            raise cache.altered(path, f"does not have the shape {shape}")
    except OSError as error:
        file.close()
        raise data_error(path, error) from error
    except BaseException:
        file.close()
        raise
    return file


def refuse_other_size(path: Path, expected: StoredFile, shape: tuple[int, ...]) -> None:
    """Raise DataError if a file of this shape cannot have the size that the manifest states."""
    if expected.size_bytes != header_bytes(shape) + int(np.prod(shape)):
        raise cache.altered(path, f"should have shape {shape}, but not {expected.size_bytes} bytes")


class StoredImages:
    """Consecutive images (n, h, w), uint8, of an IDX file.

    file      open and verified; closed when nobody needs the images any more
    shape     of all images of the file
    examples  which of them are meant

    Any thread may read. A file that is replaced meanwhile goes on being read as it was.
    """

    def __init__(self, file: BinaryIO, path: Path, shape: tuple[int, ...], examples: range) -> None:
        self.path, self.shape = path, (len(examples), *shape[1:])
        self.example_bytes = int(np.prod(shape[1:]))
        self._begin = header_bytes(shape) + examples.start * self.example_bytes
        self._descriptor, self._reader = file.fileno(), PositionalReader(file)
        self._state = self._size_and_time()
        weakref.finalize(self, file.close)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, start: int, out: NDArray[np.uint8]) -> None:
        """Fill out (n, h, w) with the images from number `start` on. Raises DataError if the file has changed."""
        rest = out.data.cast("B")
        position = self._begin + start * self.example_bytes
        try:
            while rest:
                count = self._reader.read_into(rest, position)
                if count == 0:
                    break
                rest, position = rest[count:], position + count
            is_same = self._size_and_time() == self._state
        except OSError as error:
            raise data_error(self.path, error) from error
        if rest or not is_same:
            raise DataError(f"{self.path}: was changed while it was being read")

    def _size_and_time(self) -> tuple[int, int]:
        state = os.fstat(self._descriptor)
        return state.st_size, state.st_mtime_ns
