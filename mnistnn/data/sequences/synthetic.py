"""The base of synthetic sources of sequences, which are drawn and not read."""

from typing import Annotated

import numpy as np
from pydantic import Field

from mnistnn.backend.rng import stream
from mnistnn.component import component
from mnistnn.data.sequences.contract import MAX_NUMBERS, SequenceSource
from mnistnn.errors import ConfigError
from mnistnn.types import SplitName

# The numbers are part of the format: changing one changes what is drawn.
_COUNTERS: dict[SplitName, int] = {"train": 0, "valid": 1, "test": 2}


@component
class MadeSequences(SequenceSource):
    """Abstract: each split is drawn from a stream of its own, and a smaller one is the beginning of a larger one."""

    train: Annotated[int, Field(ge=1)] = 20000
    """Sequences to train on."""
    valid: Annotated[int, Field(ge=0)] = 1000
    """Sequences for validation; 0 for none."""
    test: Annotated[int, Field(ge=1)] = 1000
    """Sequences to test on."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """What is drawn follows from it, and not from the seed of the experiment, so runs that differ in that read the
    same."""

    def examples(self, steps: int, features: int) -> dict[SplitName, int]:
        """Return the sequences of each split. Raises ConfigError for more than fit into memory."""
        found: dict[SplitName, int] = {"train": self.train, "valid": self.valid, "test": self.test}
        for split, count in found.items():
            if count * steps * features > MAX_NUMBERS:
                raise ConfigError(
                    f"{count} sequences of {steps} steps with {features} inputs each: allowed are {MAX_NUMBERS} inputs "
                    f"in all, so at most {MAX_NUMBERS // (steps * features)} sequences",
                    key=split,
                )
        return found

    def stream_of(self, split: SplitName) -> np.random.Generator:
        """Return the generator of a split, at its beginning. Who draws goes through the sequences one by one."""
        return stream(self.seed, "generate", _COUNTERS[split])
