"""Objectives that are no network, and the walk of an optimizer on them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mnistnn.optim.contract import Progress


class Landscape:
    """A function of theta: `loss` gives its value, `gradient` its gradient there."""

    def __init__(self, theta: Any, loss: Callable[[Any], Any], gradient: Callable[[Any], Any]) -> None:
        self.theta = np.array(theta)
        self.grad = np.empty_like(self.theta)
        self._loss, self._gradient = loss, gradient
        self.decay: list[tuple[slice, float]] = []

    def loss_and_grad(self, decay: bool = True) -> Any:
        self.grad[...] = self._gradient(self.theta)
        return self.theta.dtype.type(self._loss(self.theta))

    def value_and_grad(self) -> float:
        return float(self.loss_and_grad())


@pytest.fixture
def parabola() -> Callable[..., Landscape]:
    """Make L = ½ Σ aᵢ θᵢ², whose gradient is a θ."""

    def make(a: Any, theta: Any) -> Landscape:
        a = np.array(a)
        return Landscape(theta, lambda theta: 0.5 * a @ theta**2, lambda theta: a * theta)

    return make


@pytest.fixture
def given_gradients() -> Callable[..., Landscape]:
    """Make an objective whose gradients are those in a list, one after the other, wherever theta is."""

    def make(theta: Any, gradients: Sequence[Any]) -> Landscape:
        each = iter(gradients)
        return Landscape(theta, lambda theta: 0.0, lambda theta: next(each))

    return make


@pytest.fixture
def rosenbrock() -> Callable[[], Landscape]:
    """Make Rosenbrock's curved valley (1 − x)² + 100 (y − x²)² with its usual start."""

    def gradient(theta: Any) -> Any:
        x, y = theta
        return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    return lambda: Landscape([-1.2, 1.0], lambda t: (1 - t[0]) ** 2 + 100 * (t[1] - t[0] ** 2) ** 2, gradient)


@pytest.fixture
def walk() -> Callable[..., list[Any]]:
    """Let a rule make steps, ten to an epoch; return theta after each of them."""

    def go(rule: Any, objective: Landscape, steps: int) -> list[Any]:
        rule.allocate(objective.theta, objective.grad)
        path = []
        for t in range(steps):
            rule.step(objective, Progress(epoch=t // 10, batch=t % 10, updates=t, batches_per_epoch=10))
            path.append(objective.theta.copy())
        return path

    return go
