"""Sequences that recurrent nets learn from, and what a source of them must do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.component import component
from mnistnn.types import SplitName

NO_LABEL = -1
"""The label of a step that has none."""

MAX_NUMBERS = 1 << 30
"""No split may have more inputs than this; as float32 they take as much memory as the largest set of images."""


@dataclass(frozen=True, eq=False)
class Sequences:
    """One split: n sequences of at most t steps. All arrays are read-only."""

    inputs: NDArray[np.float32]
    """(n, t, features), with zeros behind the end of shorter ones."""
    targets: NDArray[np.int64] | NDArray[np.float32]
    """Labels (n,) or (n, t), int64, −1 where a step has none; or numbers (n, k) or (n, t, k), float32, NaN where a step
    has none. Steps behind the end have none."""
    lengths: NDArray[np.int64] | None
    """Steps of each (n,), or None where all have t."""

    def __post_init__(self) -> None:
        for array in (self.inputs, self.targets, self.lengths):
            if array is not None:
                array.flags.writeable = False


@dataclass(frozen=True)
class Unit:
    """The unit of a number of a target: a value of the column `name` is centre + scale · the number that is learned."""

    name: str
    centre: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class SequencesInfo:
    """The properties of a source that are known before any split is taken."""

    steps: int
    """Of the longest sequence."""
    features: int
    """Inputs of a step."""
    examples: dict[SplitName, int]
    """Sequences of each split: train, valid, test."""
    classes: int | None
    """How many classes the labels have; None where targets are numbers."""
    numbers: int | None
    """Numbers in a target; None where targets are labels."""
    every_step: bool
    """Whether steps have targets of their own, or each sequence has one."""
    ragged: bool
    """Whether some sequences have fewer steps than others."""
    class_names: tuple[str, ...] | None = None
    """Names of the classes, where they have others than their numbers."""
    units: tuple[Unit, ...] | None = None
    """The unit of each number of a target, where it has a name."""


@component
class SequenceSource:
    """Abstract: where sequences come from. Whatever is asked twice is answered alike."""

    type: str
    """The name of the source in an experiment."""

    def describe(self) -> SequencesInfo:
        """Return the sizes of everything that `read` returns.

        Raises ConfigError, with the key at fault as it is called in the source; DataError for a file at fault;
        ResourceError for more than MAX_NUMBERS inputs that no key is to blame for.
        """
        raise NotImplementedError

    def read(self, split: SplitName) -> Sequences:
        """Return one split. Raises as `describe`."""
        raise NotImplementedError

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each file that is read."""
        return {}
