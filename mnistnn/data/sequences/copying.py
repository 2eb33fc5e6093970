"""The copy task: symbols that a net is to repeat after a long pause."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mnistnn.component import component
from mnistnn.data.sequences.contract import Sequences, SequencesInfo
from mnistnn.data.sequences.synthetic import MadeSequences
from mnistnn.types import SplitName

_BLANK = 0


@component
class Copying(MadeSequences):
    """`length` random symbols, `delay` − 1 blanks, a go sign, and `length` blanks, at which the symbols are to be named
    in their order; at all steps before, the answer is blank.

    Hochreiter & Schmidhuber (1997), in the form of Arjovsky, Shah & Bengio (2016). Inputs are one-hot: blank is
    feature 0, the symbols are 1 to `symbols`, the go sign is the last; labels have the same numbers. There are
    2·length + delay steps, and every one has a label. Who knows when to answer, and has forgotten the symbols, loses
    length · log(symbols) / steps nats a step.
    """

    type: Literal["copy"] = "copy"
    symbols: Annotated[int, Field(ge=2)] = 8
    """Different symbols, all equally likely."""
    length: Annotated[int, Field(ge=1)] = 10
    """Symbols of a sequence."""
    delay: Annotated[int, Field(ge=1)] = 100
    """Steps from the last symbol to the go sign: blanks, but for the last of them."""

    def describe(self) -> SequencesInfo:
        steps, features = 2 * self.length + self.delay, self.symbols + 2
        return SequencesInfo(
            steps=steps,
            features=features,
            examples=self.examples(steps, features),
            classes=self.symbols + 1,
            numbers=None,
            every_step=True,
            ragged=False,
        )

    def read(self, split: SplitName) -> Sequences:
        """Return inputs (n, steps, symbols + 2) and labels (n, steps)."""
        info = self.describe()
        n, go = info.examples[split], self.symbols + 1
        symbols = self.stream_of(split).integers(1, self.symbols, (n, self.length), endpoint=True)
        shown = np.full((n, info.steps), _BLANK, dtype=np.int64)
        shown[:, : self.length] = symbols
        shown[:, self.length + self.delay - 1] = go
        inputs = np.zeros((n, info.steps, info.features), dtype=np.float32)
        np.put_along_axis(inputs, shown[:, :, None], 1.0, axis=2)
        labels = np.full((n, info.steps), _BLANK, dtype=np.int64)
        labels[:, -self.length :] = symbols
        return Sequences(inputs, labels, None)
