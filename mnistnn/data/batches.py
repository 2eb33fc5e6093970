"""Mini-batches: which examples, in which order, in which epoch.

The training set lies on the device once; a batch is a slice of it, or is gathered there into one buffer that every
batch reuses. The order of an epoch is a function of the seed and the epoch's number, so a resumed run needs no stored
order.
"""

from collections.abc import Generator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from mnistnn.backend.arrays import array_module, take_rows, to_host
from mnistnn.backend.rng import stream
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels import rows_cuda
from mnistnn.types import Array


@component
class Batches:
    """How the training set is cut into batches, epoch by epoch."""

    size: Annotated[int, Field(ge=1)] | Literal["full"] = 20
    """Examples per batch; full takes the whole training set at once (plain gradient descent)."""
    order: Literal["permute", "sequential", "stratified", "lanes"] = "permute"
    """permute draws a new order every epoch; sequential keeps the order of the file; stratified draws an order in which
    each batch has equally many examples of each class, as far as its size allows. (It leaves out a part of the larger
    classes, another one every epoch.) lanes makes contiguous streams: it cuts the examples into as many stretches as a
    batch has places, and each place goes through one of them: so windows of a series follow each other there, for
    layers that carry their state on. (It leaves out what is left over at the end.)"""
    subset: Annotated[int, Field(ge=1)] | None = None
    """Use only so many examples in an epoch, drawn anew every time; null uses all."""
    drop_last: bool = False
    """Leave out the last batch of an epoch if it is smaller than the others."""
    updates: Annotated[int, Field(ge=1)] = 1
    """Updates to make of each batch, under the same distortions and masks, before the next one comes. Methods that
    compare a step with the last one (l_bfgs, conjugate_gradient) need several where not every batch is all examples."""
    chunk: Annotated[int, Field(ge=1)] | None = None
    """Pass a batch that is larger through the model in pieces of so many examples, and add their gradients up: memory
    is then bounded by a piece. null passes it in one piece."""

    @model_validator(mode="after")
    def _fits(self) -> "Batches":
        if self.order == "sequential" and self.subset is not None:
            raise ValueError("subset: is drawn at random, so it goes with order permute or stratified")
        if self.order == "lanes" and (self.subset is not None or self.size == "full"):
            raise ValueError("order lanes: goes through all examples in order, in batches of a size that is a number")
        if self.order == "stratified" and self.size in (1, "full"):
            raise ValueError("size: stratified batches need room for several classes, and a part of the set")
        return self

    def is_always_the_same(self, n_examples: int) -> bool:
        """Tell whether each batch is all of so many examples."""
        return self.subset is None and self.order != "stratified" and self.examples_per_batch(n_examples) == n_examples

    def bind(self, x: Array, labels: Array, seed: int) -> None:
        """Take the training set: x (N, ...), labels (N,), both read only, on the device."""
        self.x, self.labels, self.seed = x, labels, seed
        self.scratch = Scratch()
        available = len(x)
        if self.order == "stratified":
            on_host = to_host(labels)
            self._classes = [np.flatnonzero(on_host == label) for label in np.unique(on_host)]  # rows of each class
            self._per_class = min(map(len, self._classes))
            available = self._per_class * len(self._classes)
        if self.order == "lanes":
            available -= available % self.examples_per_batch(available)
        self.examples_per_epoch = available if self.subset is None else min(self.subset, available)

    @property
    def per_epoch(self) -> int:
        """The number of batches in an epoch of the training set that was taken."""
        return self.count(self.examples_per_epoch)

    def examples_per_batch(self, n_examples: int) -> int:
        """Return the size of a batch other than the last, for an epoch of so many examples."""
        return n_examples if self.size == "full" else min(self.size, n_examples)

    def count(self, n_examples: int) -> int:
        """Return the number of batches in an epoch of so many examples."""
        size = self.examples_per_batch(n_examples)
        return n_examples // size if self.drop_last or self.order == "lanes" else -(-n_examples // size)

    def of_epoch(self, epoch: int, start: int = 0) -> Generator[tuple[Array, Array], None, None]:
        """Yield (x, labels) of each batch of an epoch from number `start` on; each is lent until the next."""
        n_examples = self.examples_per_epoch
        size = self.examples_per_batch(n_examples)
        rows_of_epoch = self._rows(epoch)
        for number in range(start, self.per_epoch):
            part = slice(number * size, min((number + 1) * size, n_examples))
            if rows_of_epoch is None:
                yield self.x[part], self.labels[part]
            else:
                yield self._taken(rows_of_epoch[part])

    def _taken(self, rows: Array) -> tuple[Array, Array]:
        """Return the examples of some rows; on a GPU they are gathered, with their labels, by one kernel."""
        x = self.scratch("x", (len(rows), *self.x.shape[1:]), self.x)
        labels = self.scratch("labels", (len(rows), *self.labels.shape[1:]), self.labels)
        is_plain = self.x.flags.c_contiguous and labels.ndim == 1 and labels.dtype == rows.dtype
        if isinstance(x, np.ndarray) or not is_plain:
            return take_rows(self.x, rows, x), take_rows(self.labels, rows, labels)
        rows_cuda.take_examples.launch(x.size, x, self.x, self.labels, rows, x, labels, x.size // len(rows))
        return x, labels

    def _rows(self, epoch: int) -> Array | None:
        """Return the row numbers of an epoch's examples, in order, on the device; None for all, as they lie."""
        whole = self.order == "permute" and self.examples_per_batch(self.examples_per_epoch) == len(self.x)
        if self.order == "sequential" or whole:  # for one batch of all, the order changes nothing but rounding
            return None
        if self.order == "lanes":
            lanes = self.examples_per_batch(self.examples_per_epoch)
            return array_module(self.x).arange(self.examples_per_epoch).reshape(lanes, -1).T.reshape(-1)
        rng = stream(self.seed, "order", epoch)
        rows = self._in_turn(rng) if self.order == "stratified" else rng.permutation(len(self.x))
        return array_module(self.x).asarray(rows[: self.examples_per_epoch])

    def _in_turn(self, rng: np.random.Generator) -> np.ndarray:
        """Return row numbers (balanced,) whose classes take turns.

        The order of the turns is drawn too: else batches smaller than a round would hold the same classes every epoch.
        """
        turns = rng.permutation(len(self._classes))
        return np.stack([rng.permutation(self._classes[c])[: self._per_class] for c in turns], axis=1).reshape(-1)
