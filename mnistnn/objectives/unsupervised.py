"""The base of the objectives of unsupervised models."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import UpdateStreams
from mnistnn.backend.scratch import Scratch
from mnistnn.kernels import boltzmann
from mnistnn.models.unsupervised import Unsupervised
from mnistnn.objectives.supervised import BaseObjective, Penalty
from mnistnn.types import Array


class UnsupervisedObjective(BaseObjective):
    """Abstract: a model on the images that were set last.

    What is random in an update follows from (seed, update), on the host, so a resumed run needs nothing but what the
    objective remembers from update to update (`state`).
    """

    purpose: ClassVar[str] = "gibbs"
    """The purpose of its random numbers."""

    def __init__(
        self, model: Unsupervised, loss: Any, penalties: Sequence[Penalty], seed: int, updates_per_epoch: int
    ) -> None:
        super().__init__(model, penalties)
        self.n_in, self.updates_per_epoch = model.n_in, updates_per_epoch
        self._streams = UpdateStreams(seed, self.purpose, 0)
        self._pixels = UpdateStreams(seed, self.purpose, 1)
        self._scratch = Scratch()
        self._state = self.remembered(model, loss)

    @staticmethod
    def remembered(model: Any, loss: Any) -> dict[str, Array]:
        """Return the arrays, as they begin, that learning remembers; the model is allocated."""
        return {}

    @staticmethod
    def numbers_kept(model: Any, loss: Any, batch: int) -> Mapping[str, int]:
        """Return how many numbers are kept in training beside the parameters, by what the model consists of."""
        raise NotImplementedError

    def state(self) -> dict[str, Array]:
        return self._state

    def set_batch(self, x: Array, labels: Array, update: int) -> None:
        """Take the batch that the next call is about: x (n, *in_shape), borrowed. Labels are not looked at."""
        self.v, self.update = as_rows(x), update

    def _room(self, role: str, rows: int, columns: int) -> Array:
        return self._scratch(role, (rows, columns), self.theta)

    def _sample(self, rng: np.random.Generator, p: Array, out: Array) -> None:
        """Write draws of independent units with P(1) = p into out, which may be p. Numbers come from the host."""
        boltzmann.sample(p, self._uniform(rng, p.shape), out)

    def _uniform(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Return uniform numbers in [0, 1), lent until the next call."""
        u = self._scratch("u", shape, self.theta)
        on_host = isinstance(u, np.ndarray)
        drawn = u if on_host else np.empty(shape, dtype=u.dtype)
        rng.random(out=drawn, dtype=drawn.dtype.type)
        if not on_host:
            u.set(drawn)
        return u
