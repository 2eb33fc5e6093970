"""The base of full-batch optimizers, which may evaluate the objective several times for one step.

They are deterministic methods for large batches: an update is an iteration, and takes several passes over the batch.
What they remember is vectors like theta, and numbers; both are state that a checkpoint holds.
"""

from typing import ClassVar

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.inner import largest
from mnistnn.optim.contract import ObjectiveContract, Progress, Requirements
from mnistnn.types import Array

_COMMON = ("loss", "gradient.max", "step", "passed")


class KeptNumbers:
    """Numbers by name, in one float64 array on the host."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.array = np.zeros(len(names))
        self._at = {name: at for at, name in enumerate(names)}

    def __getitem__(self, name: str) -> float:
        return float(self.array[self._at[name]])

    def __setitem__(self, name: str, value: float) -> None:
        self.array[self._at[name]] = value


@component
class FullBatchOptimizer:
    """Abstract: one step moves theta to a place that `move` finds by evaluating the objective."""

    type: str
    """The name of the method in an experiment."""

    requirements: ClassVar[Requirements]
    gives: ClassVar[tuple[str, ...]] = ("passes", "gradient.max")
    """passes: examples that went through the model so far, as a multiple of the training set; gradient.max: the largest
    derivative, of the objective's last gradient."""
    repeats_itself: ClassVar[bool] = False  # a step asks the device for numbers, so it cannot be recorded
    vectors: ClassVar[tuple[str, ...]] = ()
    """Names of the vectors like theta that are kept from step to step."""
    kept: ClassVar[tuple[str, ...]] = ()
    """Names of the numbers that are kept, beside those of all methods: the loss at theta, the largest derivative, the
    last step's length along its direction, and the examples passed."""

    def bytes_kept(self, parameters: int, itemsize: int) -> int:
        return itemsize * parameters * self.vectors_kept()

    def vectors_kept(self) -> int:
        """Return how many vectors like theta the method holds, state and working memory."""
        return len({*self.vectors, "before", "direction"})

    def too_large(self, parameters: int, itemsize: int) -> str | None:
        return None

    def allocate(self, theta: Array, grad: Array) -> None:
        """Create the state and the working memory. theta and grad (P,) are never rebound."""
        xp = array_module(theta)
        self.numbers = KeptNumbers((*_COMMON, *self.kept))
        self._state: dict[str, Array] = {name: xp.full_like(theta, 0.0) for name in self.vectors}
        self.before = xp.empty_like(theta)
        self.direction = self._state["direction"] if "direction" in self.vectors else xp.empty_like(theta)

    def state(self) -> dict[str, Array]:
        return {**self._state, "numbers": self.numbers.array}

    def rate(self, progress: Progress) -> float:
        """Return the length of the last step, as a multiple of the direction that it went along."""
        return self.numbers["step"]

    def metrics(self, progress: Progress) -> dict[str, float]:
        passes = self.numbers["passed"] / progress.examples_per_epoch
        return {"passes": passes, "gradient.max": self.numbers["gradient.max"]}

    def prepare(self, progress: Progress) -> None:
        """Nothing to do: no step of these is recorded."""

    def step(self, objective: ObjectiveContract, progress: Progress) -> Array:
        passed = objective.passed
        loss = self.move(objective, progress)
        self.numbers["passed"] += objective.passed - passed
        return array_module(objective.theta).asarray(loss, dtype=objective.theta.dtype)

    def move(self, objective: ObjectiveContract, progress: Progress) -> float:
        """Move theta; return the mean loss before."""
        raise NotImplementedError

    def evaluate(self, objective: ObjectiveContract) -> float:
        """Evaluate value and gradient at theta; remember loss and largest derivative, and return the value."""
        value = objective.value_and_grad()
        self.remember(objective)
        return value

    def remember(self, objective: ObjectiveContract) -> None:
        """Remember the metrics of the objective's last value and gradient."""
        self.numbers["loss"] = objective.mean_loss
        self.numbers["gradient.max"] = largest(objective.grad)

    def step_to(self, objective: ObjectiveContract, step: float) -> None:
        """Put theta at `before` + step · `direction`."""
        array_module(objective.theta).multiply(self.direction, step, out=objective.theta)
        objective.theta += self.before
