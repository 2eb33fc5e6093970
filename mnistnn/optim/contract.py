"""What the loop asks of an optimizer, and what an optimizer may ask of the objective."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mnistnn.backend import Array
from mnistnn.history import History


@dataclass
class Progress:
    """How far training has come.

    batch              batches done of the epoch under way
    batches_per_epoch  a constant of the experiment
    history            the evaluations so far, which schedules that respond to performance read
    """

    epoch: int = 0
    batch: int = 0
    updates: int = 0
    examples: int = 0
    batches_per_epoch: int = 1
    history: History = ()

    @property
    def epochs(self) -> float:
        """Epochs done, the fraction of the one under way included."""
        return self.epoch + self.batch / self.batches_per_epoch

    def after_update(self) -> "Progress":
        """Return the progress that there will be when one more update is done."""
        return replace(self, batch=self.batch + 1, updates=self.updates + 1)


# Stretches that make up the whole of theta, in its order, each with a factor.
Decay = Sequence[tuple[slice, float]]


class ObjectiveContract(Protocol):
    """A function of theta (P,), with its gradient in grad (P,) after each evaluation; grad may be used up.

    `decay` is the part of the gradient that is a multiple of theta, stretch by stretch (L2 penalties); empty if there
    is none. A rule that adds it on its own asks for `loss_and_grad(decay=False)`.
    """

    theta: Array
    grad: Array
    decay: Decay

    def loss_and_grad(self, decay: bool = True) -> Array: ...

    def value_and_grad(self) -> float: ...


class OptimizerContract(Protocol):
    """Its state is flat arrays by name, allocated once and never rebound, so a checkpoint can hold and refill them."""

    def allocate(self, theta: Array, grad: Array) -> None: ...

    def state(self) -> dict[str, Array]: ...

    def rate(self, progress: Progress) -> float:
        """Return the learning rate that the next step would use."""
        ...

    def prepare(self, progress: Progress) -> None:
        """Put the numbers of the next step where a device reads them, so that the step itself writes none."""
        ...

    def step(self, objective: ObjectiveContract, progress: Progress) -> Array:
        """Move theta once; return the mean loss of the batch, before the move, as a scalar on the device."""
        ...
