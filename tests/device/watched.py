"""A source of batches that forbids reading from the device while its epoch is under way."""

from collections.abc import Generator

from mnistnn.training.loop import BatchSource
from mnistnn.types import Array
from tests.device.reads import Traffic


class WatchedBatches:
    """Gives the batches of another source. From the first of them until the loop leaves the epoch, nothing may read."""

    def __init__(self, batches: BatchSource, traffic: Traffic) -> None:
        self.batches, self.traffic = batches, traffic
        self.epochs = 0
        """How many times an epoch was begun, or gone on with."""

    @property
    def per_epoch(self) -> int:
        return self.batches.per_epoch

    @property
    def examples_per_epoch(self) -> int:
        return self.batches.examples_per_epoch

    def of_epoch(self, epoch: int, start: int = 0) -> Generator[tuple[Array, Array], None, None]:
        self.epochs += 1
        with self.traffic.under("none"):
            yield from self.batches.of_epoch(epoch, start)
