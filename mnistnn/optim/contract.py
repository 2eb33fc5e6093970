"""The contracts between the loop, an optimizer and the objective."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import numpy as np

from mnistnn.types import Array, History, SecondOrder


@dataclass
class Progress:
    """How far training has come.

    batch              batches done of the epoch under way
    batches_per_epoch      a constant of the experiment
    examples_per_epoch     another: the different examples in an epoch
    updates_per_objective  another: the updates that are made of one batch under the same masks, after which the
                           objective is another function of theta; None if it is the same function for ever
    history                the evaluations so far, which schedules that respond to performance read
    """

    epoch: int = 0
    batch: int = 0
    updates: int = 0
    examples: int = 0
    batches_per_epoch: int = 1
    examples_per_epoch: int = 1
    updates_per_objective: int | None = 1
    history: History = ()

    @property
    def epochs(self) -> float:
        """Epochs done, the fraction of the one under way included."""
        return self.epoch + self.batch / self.batches_per_epoch

    @property
    def objective_began(self) -> int:
        """The number of updates before the first one of the present objective: what its masks are drawn by."""
        several = self.updates_per_objective
        return self.updates if several is None or several == 1 else self.updates - self.updates % several

    @property
    def update_of_objective(self) -> int:
        """The updates that have been made of the present objective."""
        return self.updates % self.updates_per_objective if self.updates_per_objective else self.updates

    def after_update(self) -> "Progress":
        """Return the progress that there will be when one more update is done."""
        return replace(self, batch=self.batch + 1, updates=self.updates + 1)


# Stretches that make up the whole of theta, in its order, each with a factor.
Decay = Sequence[tuple[slice, float]]


@dataclass(frozen=True)
class Requirements:
    """Requirements of an optimizer on the rest of the experiment, which are checked before data is read.

    one_objective  the same objective for several updates: the gradient of one step is compared with that of the last
    values         the objective's value wherever theta may be, and theta where it was left: so nothing else may move
                   theta, and nothing may be collected in passes that are tried and given up
    of_layers      what each layer must offer beyond gradients; if anything, the loss must be convex too
    """

    one_objective: bool = False
    values: bool = False
    of_layers: frozenset[SecondOrder] = frozenset()


class GaussNewtonContract(Protocol):
    """Views of the matrix Jᵀ H J at the present theta, as a mean over a part of the batch; see `gauss_newton.py`."""

    def products(self, part: slice) -> Callable[[Array, Array], None]: ...

    def diagonal(self, part: slice, out: Array) -> None: ...

    def matrix(self, part: slice, out: np.ndarray) -> None: ...


class ObjectiveContract(Protocol):
    """A function of theta (P,), with its gradient in grad (P,) after each evaluation; grad may be overwritten.

    `decay` is the part of the gradient that is a multiple of theta, stretch by stretch (L2 penalties); empty if there
    is none. A rule that adds it on its own asks for `loss_and_grad(decay=False)`. `mean_loss` is the part of the last
    value that is no penalty; `examples` the size of the batch; `passed` counts those that went through the model.
    """

    theta: Array
    grad: Array
    decay: Decay
    mean_loss: float
    passed: int

    @property
    def examples(self) -> int: ...

    @property
    def gauss_newton(self) -> GaussNewtonContract: ...

    def loss_and_grad(self, decay: bool = True) -> Array: ...

    def value_and_grad(self) -> float: ...

    def value(self) -> float: ...

    def tell(self, what: str, done: int, most: int | None) -> None: ...


class OptimizerContract(Protocol):
    """Its state is arrays by name, allocated once and never rebound, so a checkpoint can hold and refill them."""

    requirements: ClassVar[Requirements]

    gives: ClassVar[tuple[str, ...]]
    """Names of the metrics that it adds to the row of an evaluation."""

    @property
    def repeats_itself(self) -> bool:
        """Whether each step does the same operations on numbers that lie on the device, and asks it for nothing, so
        that it can be recorded.
        """
        ...

    def bytes_kept(self, parameters: int, itemsize: int) -> int:
        """Return how much memory state and working memory take for so many parameters of so many bytes each."""
        ...

    def too_large(self, parameters: int, itemsize: int) -> str | None:
        """Say why a model of so many parameters is more than the optimizer may take, if it is."""
        ...

    def allocate(self, theta: Array, grad: Array) -> None: ...

    def state(self) -> dict[str, Array]: ...

    def rate(self, progress: Progress) -> float:
        """Return the learning rate that the next step would use."""
        ...

    def metrics(self, progress: Progress) -> dict[str, float]:
        """Return what `gives` names, as it is after the last step."""
        ...

    def prepare(self, progress: Progress) -> None:
        """Put the numbers of the next step where a device reads them, so that the step itself writes none."""
        ...

    def step(self, objective: ObjectiveContract, progress: Progress) -> Array:
        """Move theta once; return the mean loss of the batch, before the move, as a scalar on the device."""
        ...
