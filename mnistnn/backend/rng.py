"""Random streams, derived and never stored.

Every stream is a function of the experiment's seed, a purpose, and counters such as the epoch. A resumed run needs no
saved generator state, and drawing more for one purpose never shifts another.
"""

from typing import Any

import numpy as np

# The numbers are part of the format: changing one changes every published run.
_PURPOSES = {
    "init": 0,
    "order": 1,
    "dropout": 2,
    "augment": 3,
    "gibbs": 4,
    "check": 5,
    "generate": 6,
    "sweep": 7,
    "measure": 8,
    "corruption": 9,
    "boosting": 10,
    "surface": 11,
    "division": 12,
}


def stream(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """Return the generator of (seed, purpose, counters...), on the host."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PURPOSES[purpose], *counters)))


class UpdateStreams:
    """One stream for each update of one part of a model, quick to begin; and for each piece of an update's batch.

    The key of a Philox generator is derived from (seed, purpose, part); the update is the high word of its counter and
    the piece the next, so the streams of different updates and pieces cannot meet.
    """

    def __init__(self, seed: int, purpose: str, part: int) -> None:
        self._key = _Key(seed, purpose, part, words=2)

    def at(self, update: int, piece: int = 0) -> np.random.Generator:
        """Return the generator of an update, at its beginning."""
        counter = np.array([0, 0, piece, update], dtype=np.uint64)  # a list would pass through floats
        return np.random.Generator(np.random.Philox(self._key, counter=counter))


class _Key(np.random.SeedSequence):
    """What a generator begins from, derived once: each time, that would take as long as all else that makes one."""

    def __init__(self, seed: int, purpose: str, part: int, words: int) -> None:
        super().__init__(seed, spawn_key=(_PURPOSES[purpose], part))
        self._words = super().generate_state(words, np.uint64)

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        assert (n_words, dtype) == (len(self._words), np.uint64)
        return self._words


def legacy_stream(seed: int) -> np.random.RandomState:
    """Return NumPy's legacy generator, which published programs of the Theano years drew their weights from."""
    return np.random.RandomState(seed)
