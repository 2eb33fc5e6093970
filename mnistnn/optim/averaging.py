"""The exponential moving average (EMA) of the parameters, which generalises better than the last ones of a noisy
run.
"""

from typing import Annotated

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.types import Array


@component
class WeightAverage:
    """Exponential moving average (EMA) of the parameters: θ̄ ← d θ̄ + (1 − d) θ after each update, with d = min(decay,
    (1 + t)/(10 + t)) at update t.

    The small d of the first updates forgets the start. Evaluation and the best parameters take θ̄; training goes on
    from θ. The statistics of batch normalisation are not averaged again: they are those of training. Polyak & Juditsky
    (1992) average uniformly; the exponential form needs no choice of where to begin.
    """

    decay: Annotated[float, Field(gt=0, lt=1)] = 0.999
    """How much of the average is kept; it looks back over about 1/(1 − decay) updates."""

    def allocate(self, theta: Array) -> None:
        """Begin at theta (P,)."""
        self.theta = theta.copy()
        self._work = array_module(theta).empty_like(theta)

    def follow(self, theta: Array, updates: int) -> None:
        """Take in the parameters that an update led to."""
        decay = min(self.decay, (1.0 + updates) / (10.0 + updates))
        array_module(theta).subtract(theta, self.theta, out=self._work)
        self._work *= 1.0 - decay
        self.theta += self._work
