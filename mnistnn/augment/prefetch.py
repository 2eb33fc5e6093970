"""Batches of distorted images, made by a worker thread while training computes with those before.

NumPy and compiled loops let other threads run while they work, so distorting hides behind training where a core is
free. The order of batches, and every bit in them, is as if there were no thread.
"""

from collections.abc import Generator
from contextlib import closing
from typing import Any

import numpy as np

from mnistnn.augment.augment import Augment
from mnistnn.backend.scratch import Scratch
from mnistnn.data.batches import Batches
from mnistnn.data.read_ahead import ahead
from mnistnn.data.streamed import StreamedBatches
from mnistnn.types import Array

_AHEAD = 2


class AugmentedBatches:
    """The batches of a training set on the host, distorted, and brought to where the model computes.

    batches  gives the images as they are, in arrays of NumPy
    augment  distorts them; built and begun
    xp       the array library of the model: on a device, each batch is sent there when its turn comes
    """

    def __init__(self, batches: Batches | StreamedBatches, augment: Augment, xp: Any) -> None:
        self.batches, self.augment, self._xp = batches, augment, xp
        self._buffers = [Scratch() for _ in range(_AHEAD + 1)]  # one lent, the others being filled

    @property
    def per_epoch(self) -> int:
        return self.batches.per_epoch

    @property
    def examples_per_epoch(self) -> int:
        return self.batches.examples_per_epoch

    def of_epoch(self, epoch: int, start: int = 0) -> Generator[tuple[Array, Array], None, None]:
        """Yield (x, labels) of each batch of an epoch from number `start` on; each is lent until the next."""
        originals = self.batches.of_epoch(epoch, start)

        def distorted(number: int) -> tuple[np.ndarray, np.ndarray]:
            x, labels = next(originals)
            buffer = self._buffers[number % len(self._buffers)]
            x_out, labels_out = buffer("x", x.shape, x), buffer("labels", labels.shape, labels)
            self.augment.distort(x, labels, (epoch - 1) * self.per_epoch + number, x_out)
            labels_out[...] = labels  # the original is lent until the next one is asked for
            return x_out, labels_out

        numbers = range(start, self.per_epoch)
        with closing(originals), closing(ahead(distorted, numbers, depth=_AHEAD)) as results:
            for x, labels in results:
                yield self._xp.asarray(x), self._xp.asarray(labels)
