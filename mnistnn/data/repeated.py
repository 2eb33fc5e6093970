"""Batches that come several times in a row, for methods that make several updates of each."""

from collections.abc import Generator
from contextlib import closing
from typing import Protocol

from mnistnn.types import Array


class _Batches(Protocol):
    @property
    def per_epoch(self) -> int: ...

    @property
    def examples_per_epoch(self) -> int: ...

    def of_epoch(self, epoch: int, start: int = 0) -> Generator[tuple[Array, Array], None, None]: ...


class RepeatedBatches:
    """Each batch of another source, `times` times."""

    def __init__(self, batches: _Batches, times: int) -> None:
        self.batches, self.times = batches, times

    @property
    def per_epoch(self) -> int:
        return self.batches.per_epoch * self.times

    @property
    def examples_per_epoch(self) -> int:
        """The number of different examples in an epoch."""
        return self.batches.examples_per_epoch

    def of_epoch(self, epoch: int, start: int = 0) -> Generator[tuple[Array, Array], None, None]:
        """Yield (x, labels) for each update of an epoch from number `start` on; each is lent until the next."""
        first, done = divmod(start, self.times)
        with closing(self.batches.of_epoch(epoch, first)) as originals:
            for batch in originals:
                for _ in range(done, self.times):
                    yield batch
                done = 0
