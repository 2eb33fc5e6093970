"""Training and measuring on a split that is larger than memory: read in chunks of several batches, ahead of their use.

A worker thread reads the next chunk, shuffles it, and turns its bytes into inputs while the model learns from the one
before; on a device a chunk goes there in one piece, as bytes. After LISA's "Getting Started": a chunk of several
mini-batches in a shared variable. Memory is that of two chunks, whatever the size of the split. A complete shuffle
would have to read each image by itself, so examples are shuffled in two steps (`StreamedBatches`).
"""

from collections.abc import Callable, Generator
from contextlib import closing
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import take_rows
from mnistnn.backend.rng import stream
from mnistnn.backend.scratch import Scratch
from mnistnn.data.batches import Batches
from mnistnn.data.read_ahead import ahead
from mnistnn.data.stored_images import StoredImages
from mnistnn.types import Array

Prepare = Callable[[NDArray[np.uint8], Scratch], Array]
"""Turns bytes (n, h, w) into inputs of the model (n, ...), on its device; these may lie in the memory that is given."""

CHUNK_BYTES = 1 << 24
"""Of images as they lie on the disk. With `BLOCK_BYTES` and the size of a batch, this decides the order of an epoch."""
BLOCK_BYTES = 1 << 17
"""Images that are read in one go; neighbours in the file stay together within a chunk."""

_SLOTS = 2  # one chunk lent, the other being made


def examples_per_chunk(batch_size: int, example_bytes: int) -> int:
    """Return the size of a chunk: whole batches, at least one."""
    return batch_size * max(1, CHUNK_BYTES // (batch_size * example_bytes))


def bytes_of_chunks(batch_size: int, in_shape: tuple[int, ...], numbers: int, itemsize: int) -> int:
    """Return the bytes that chunks take: as read, and twice shuffled and as inputs of so many numbers each."""
    example_bytes = prod(in_shape)
    return examples_per_chunk(batch_size, example_bytes) * ((1 + _SLOTS) * example_bytes + _SLOTS * numbers * itemsize)


class StreamedInputs:
    """Inputs (n, ...) of a split that are read from the disk when a slice is asked for: `inputs[start:stop]`."""

    def __init__(self, images: StoredImages, prepare: Prepare) -> None:
        self._images, self._prepare = images, prepare
        self._scratch = Scratch()

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, part: slice) -> Array:
        """Return the inputs of consecutive examples, lent until the next call."""
        start, stop, step = part.indices(len(self))
        assert step == 1
        shape = (stop - start, *self._images.shape[1:])
        read: NDArray[np.uint8] = self._scratch("bytes", shape, np.empty(0, dtype=np.uint8))
        self._images.read(start, read)
        return self._prepare(read, self._scratch)


class StreamedBatches:
    """The batches of a training split that stays on the disk.

    batches  how the split is cut; not bound to any arrays
    images   the split's; with labels (n,) in memory, uint8
    prepare  makes inputs of a chunk of images
    xp       the array library of what `prepare` returns

    `sequential` keeps the order of the file, bit for bit that of a split in memory. `permute` shuffles in two steps:
    the blocks of the file come in an order drawn for the epoch, and the examples of a chunk, about a hundred blocks of
    images as large as digits, in an order drawn for the chunk. So every example comes once an epoch, and its companions
    in a batch are other ones each time, but they come from few places of the file; a split of one chunk is shuffled
    completely. With `subset` the first so many of that order are used. The order follows from seed, epoch and sizes
    alone, and the chunk of any batch is found without reading those before it.
    """

    def __init__(
        self,
        batches: Batches,
        images: StoredImages,
        labels: NDArray[np.uint8],
        seed: int,
        prepare: Prepare,
        xp: Any,
    ) -> None:
        self._batches, self._images, self._labels, self._seed = batches, images, labels, seed
        self._prepare, self._xp = prepare, xp
        self.examples_per_epoch = min(batches.subset or len(images), len(images))
        self._size = batches.examples_per_batch(self.examples_per_epoch)
        self._chunk = examples_per_chunk(self._size, images.example_bytes)
        self._block = max(1, BLOCK_BYTES // images.example_bytes)
        self._read = Scratch()
        self._slots = [Scratch() for _ in range(_SLOTS)]

    @property
    def per_epoch(self) -> int:
        return self._batches.count(self.examples_per_epoch)

    def of_epoch(self, epoch: int, start: int = 0) -> Generator[tuple[Array, Array], None, None]:
        """Yield (x, labels) of each batch of an epoch from number `start` on; each is lent until the next."""
        on_host = self._xp is np
        per_chunk = self._chunk // self._size  # batches
        rows_of_chunk = self._order(epoch)

        def made(chunk: int) -> tuple[Array, np.ndarray]:
            slot = self._slots[chunk % _SLOTS]
            images, labels = self._shuffled(*rows_of_chunk(chunk), slot)
            return self._prepare(images, slot) if on_host else images, labels

        chunks = range(start // per_chunk, -(-self.per_epoch // per_chunk))
        with closing(ahead(made, chunks, depth=_SLOTS - 1)) as results:
            for chunk, (x, labels) in zip(chunks, results, strict=True):
                if not on_host:
                    x, labels = self._prepare(x, self._slots[chunk % _SLOTS]), self._xp.asarray(labels)
                first = chunk * per_chunk
                for number in range(max(start, first), min(first + per_chunk, self.per_epoch)):
                    part = slice((number - first) * self._size, (number - first + 1) * self._size)
                    yield x[part], labels[part]

    def _shuffled(
        self, pieces: list[tuple[int, int]], order: np.ndarray | None, slot: Scratch
    ) -> tuple[NDArray[np.uint8], np.ndarray]:
        """Return images (n, h, w) and labels (n,), int64, of rows start..stop of each piece, then put in `order`."""
        shape = (sum(stop - start for start, stop in pieces), *self._images.shape[1:])
        like = np.empty(0, dtype=np.uint8)
        images = (slot if order is None else self._read)("bytes", shape, like)
        at = 0
        for start, stop in pieces:
            self._images.read(start, images[at : at + stop - start])
            at += stop - start
        labels = np.concatenate([self._labels[start:stop] for start, stop in pieces])
        if order is not None:
            images, labels = take_rows(images, order, slot("bytes", shape, like)), labels[order]
        return images, labels.astype(np.int64)

    def _order(self, epoch: int) -> Callable[[int], tuple[list[tuple[int, int]], np.ndarray | None]]:
        """Return a function that tells for a chunk of the epoch which rows to read, and their order, None for as read.

        Rows are read in the order of the file, which is quickest.
        """
        n, length = len(self._images), self.examples_per_epoch
        if self._batches.order == "sequential":
            return lambda chunk: ([(chunk * self._chunk, min((chunk + 1) * self._chunk, length))], None)
        blocks = stream(self._seed, "order", epoch).permutation(-(-n // self._block))
        sizes = np.minimum(self._block, n - blocks * self._block)  # the last block of the file is smaller
        ends = np.cumsum(sizes)  # of each block in the order of the epoch

        def rows_of_chunk(chunk: int) -> tuple[list[tuple[int, int]], np.ndarray]:
            start, stop = chunk * self._chunk, min((chunk + 1) * self._chunk, length)
            first, last = np.searchsorted(ends, [start, stop - 1], side="right")
            pieces = []
            for i in range(first, last + 1):
                begin = int(blocks[i]) * self._block
                before = int(ends[i] - sizes[i])
                pieces.append((begin + max(start - before, 0), begin + min(stop - before, int(sizes[i]))))
            return sorted(pieces), stream(self._seed, "order", epoch, chunk).permutation(stop - start)

        return rows_of_chunk
