"""What the loop asks of an optimizer, and what an optimizer may ask of the objective."""

from dataclasses import dataclass
from typing import Protocol

from mnistnn.backend import Array


@dataclass
class Progress:
    """How far training has come. `batch` counts the batches done of the epoch under way."""

    epoch: int = 0
    batch: int = 0
    updates: int = 0
    examples: int = 0


class ObjectiveContract(Protocol):
    """A function of theta (P,), with its gradient in grad (P,) after each evaluation; grad may be used up."""

    theta: Array
    grad: Array

    def loss_and_grad(self) -> Array: ...

    def value_and_grad(self) -> float: ...


class OptimizerContract(Protocol):
    """Its state is flat arrays by name, allocated once and never rebound, so a checkpoint can hold and refill them."""

    def allocate(self, theta: Array) -> None: ...

    def state(self) -> dict[str, Array]: ...

    def rate(self, progress: Progress) -> float:
        """Return the learning rate that the next step would use."""
        ...

    def step(self, objective: ObjectiveContract, progress: Progress) -> Array:
        """Move theta once; return the mean loss of the batch, before the move, as a scalar on the device."""
        ...
