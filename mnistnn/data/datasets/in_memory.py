"""A data set that lies in the memory of the program that trains on it, and in no cache.

Its name follows from its content. It is found by that in the context in which it is held, also by the runs inside of a
run, and by no other thread: so threads and processes that train at once have nothing of each other's. A run keeps the
digests of its content as it does those of files, and what asks for the images once they are held no more is told so.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.formats.idx import encode_idx
from mnistnn.data.formats.image_set import TRAIN_IMAGES, TRAIN_LABELS

_PREFIX = "in-memory-"
_DIGITS = 16  # of the name


@dataclass(frozen=True, eq=False)
class SetInMemory:
    """A set that has no test images. Its arrays are read-only.

    images   (n, h, w), uint8: those to train on, and behind them those for validation
    labels   (n,), uint8
    digests  the SHA-256 of the files that would hold them, by name
    """

    name: str
    info: DatasetInfo
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    digests: dict[str, str]


def set_in_memory(images: NDArray[np.uint8], labels: NDArray[np.uint8], classes: int) -> SetInMemory:
    """Return the set of these images (n, h, w) and labels (n,), which are given away."""
    n, height, width = images.shape
    images.flags.writeable = labels.flags.writeable = False
    files = {TRAIN_IMAGES: images, TRAIN_LABELS: labels}
    digests = {name: hashlib.sha256(encode_idx(array)).hexdigest() for name, array in files.items()}
    name = _PREFIX + hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:_DIGITS]
    return SetInMemory(name, DatasetInfo((height, width), classes, n, 0), images, labels, digests)


def was_in_memory(name: str) -> bool:
    """Tell whether a name is that of a set in memory, whether it is held or not."""
    return name.startswith(_PREFIX)


_held: ContextVar[SetInMemory | None] = ContextVar("set in memory", default=None)


@contextmanager
def held(found: SetInMemory) -> Iterator[None]:
    """Let experiments that name this set have it, in this context."""
    token = _held.set(found)
    try:
        yield
    finally:
        _held.reset(token)


def find(name: str) -> SetInMemory | None:
    """Return the set of this name, if it is held."""
    found = _held.get()
    return found if found is not None and found.name == name else None
