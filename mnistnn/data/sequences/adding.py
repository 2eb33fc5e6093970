"""The adding problem: two numbers far apart, of which a net is to remember the sum."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mnistnn.component import component
from mnistnn.data.sequences.contract import Sequences, SequencesInfo
from mnistnn.data.sequences.synthetic import MadeSequences
from mnistnn.types import SplitName

_FEATURES = 2
_MARKS = 2


@component
class Adding(MadeSequences):
    """Each step has a number from U(0, 1) and a mark; two marks are 1, the others 0. The target is the sum of the two
    marked numbers.

    Hochreiter & Schmidhuber (1997), in the form of Arjovsky, Shah & Bengio (2016). Steps are counted from 0, h is half
    their number, rounded down: the first mark is equally likely at each of the steps 0 to h − 1, the second at each
    of h to steps − 1. Who always answers 1 has a mean squared error of 1/6, the variance of the sum of two numbers
    from U(0, 1).
    """

    type: Literal["adding"] = "adding"
    steps: Annotated[int, Field(ge=2)] = 100
    """Steps of each sequence: the more, the longer the first number must be remembered."""

    def describe(self) -> SequencesInfo:
        return SequencesInfo(
            steps=self.steps,
            features=_FEATURES,
            examples=self.examples(self.steps, _FEATURES),
            classes=None,
            numbers=1,
            every_step=False,
            ragged=False,
        )

    def read(self, split: SplitName) -> Sequences:
        """Return inputs (n, steps, 2), number and mark, and targets (n, 1)."""
        n, half = self.describe().examples[split], self.steps // 2
        drawn = self.stream_of(split).random((n, self.steps + _MARKS), dtype=np.float32)
        numbers, places = drawn[:, : self.steps], drawn[:, self.steps :].astype(np.float64)
        marked = (places * (half, self.steps - half)).astype(np.int64)  # (n, 2)
        marked[:, 1] += half
        inputs = np.zeros((n, self.steps, _FEATURES), dtype=np.float32)
        inputs[:, :, 0] = numbers
        np.put_along_axis(inputs[:, :, 1], marked, 1.0, axis=1)
        targets = np.take_along_axis(numbers, marked, axis=1).sum(axis=1, keepdims=True)
        return Sequences(inputs, targets, None)
