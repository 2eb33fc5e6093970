"""Random streams, derived and never stored.

Every stream is a function of the experiment's seed, a purpose, and counters such as the epoch. A resumed run needs no
saved generator state, and drawing more for one purpose never shifts another.
"""

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
        sequence = np.random.SeedSequence(seed, spawn_key=(_PURPOSES[purpose], part))
        self._key = sequence.generate_state(2, np.uint64)

    def at(self, update: int, piece: int = 0) -> np.random.Generator:
        """Return the generator of an update, at its beginning."""
        counter = np.array([0, 0, piece, update], dtype=np.uint64)  # a list would pass through floats
        return np.random.Generator(np.random.Philox(key=self._key, counter=counter))


def legacy_stream(seed: int) -> np.random.RandomState:
    """Return NumPy's legacy generator, which published programs of the Theano years drew their weights from."""
    return np.random.RandomState(seed)
