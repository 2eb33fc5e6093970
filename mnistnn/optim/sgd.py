"""Gradient descent: on one batch at a time (stochastic), or on the whole set when the batch is the set."""

from typing import Annotated, Literal

from pydantic import Field

from mnistnn.backend import Array
from mnistnn.component import component
from mnistnn.optim.contract import ObjectiveContract, Progress


@component
class SGD:
    """θ ← θ − η g, with g the gradient of the batch's mean loss."""

    type: Literal["sgd"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0)]
    """The step size η."""

    def allocate(self, theta: Array) -> None:
        """Nothing is kept between steps."""

    def state(self) -> dict[str, Array]:
        return {}

    def rate(self, progress: Progress) -> float:
        return self.learning_rate

    def step(self, objective: ObjectiveContract, progress: Progress) -> Array:
        loss = objective.loss_and_grad()
        theta, grad = objective.theta, objective.grad
        grad *= self.learning_rate
        theta -= grad
        return loss
