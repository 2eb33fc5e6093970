"""Mini-batches: which examples, in which order, in which epoch.

The training set lies on the device once; a batch is a slice of it, or is gathered there into one buffer that every
batch reuses. The order of an epoch is a function of the seed and the epoch's number, so a resumed run needs no stored
order.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from mnistnn.backend import Array, array_module, take_rows
from mnistnn.component import component
from mnistnn.scratch import Scratch
from mnistnn.streams import stream


@component
class Batches:
    """How the training set is cut into batches, epoch by epoch."""

    size: Annotated[int, Field(ge=1)] | Literal["full"] = 20
    """Examples per batch; full takes the whole training set at once (plain gradient descent)."""
    order: Literal["permute", "sequential"] = "permute"
    """permute draws a new order every epoch; sequential keeps the order of the file."""
    drop_last: bool = False
    """Leave out the last batch of an epoch if it is smaller than the others."""

    def bind(self, x: Array, labels: Array, seed: int) -> None:
        """Take the training set: x (N, ...), labels (N,), both read only, on the device."""
        self.x, self.labels, self.seed = x, labels, seed
        self.scratch = Scratch()

    def examples_per_batch(self, n_examples: int) -> int:
        """Return the size of a batch other than the last."""
        return n_examples if self.size == "full" else min(self.size, n_examples)

    def count(self, n_examples: int) -> int:
        """Return the number of batches in an epoch."""
        size = self.examples_per_batch(n_examples)
        return n_examples // size if self.drop_last else -(-n_examples // size)

    def of_epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Array, Array]]:
        """Yield (x, labels) of each batch of an epoch from number `start` on; each is lent until the next."""
        n_examples = len(self.x)
        size = self.examples_per_batch(n_examples)
        # With one batch the order changes nothing but rounding, so nothing is gathered.
        gather = self.order == "permute" and size < n_examples
        if gather:
            order = stream(self.seed, "order", epoch).permutation(n_examples)
            order = array_module(self.x).asarray(order)
        for number in range(start, self.count(n_examples)):
            part = slice(number * size, min((number + 1) * size, n_examples))
            if gather:
                rows = order[part]
                yield (
                    take_rows(self.x, rows, self.scratch("x", (len(rows), *self.x.shape[1:]), self.x)),
                    take_rows(self.labels, rows, self.scratch("labels", rows.shape, self.labels)),
                )
            else:
                yield self.x[part], self.labels[part]
