"""Objectives that are no network, and the walk of an optimizer on them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mnistnn.optim.contract import Progress


class Landscape:
    """A function of theta: `loss` gives its value, `gradient` its gradient there, `curvature` its matrix of curvature.

    `asked` counts values and gradients.
    """

    examples = 1

    def __init__(
        self,
        theta: Any,
        loss: Callable[[Any], Any],
        gradient: Callable[[Any], Any],
        curvature: Callable[[Any], Any] | None = None,
    ) -> None:
        self.theta = np.array(theta)
        self.grad = np.empty_like(self.theta)
        self._loss, self._gradient, self._curvature = loss, gradient, curvature
        self.decay: list[tuple[slice, float]] = []
        self.gauss_newton = self
        self.mean_loss = np.nan
        self.asked = self.passed = 0

    def loss_and_grad(self, decay: bool = True) -> Any:
        self.grad[...] = self._gradient(self.theta)
        return self.theta.dtype.type(self._loss(self.theta))

    def value_and_grad(self) -> float:
        self.grad[...] = self._gradient(self.theta)
        return self.value()

    def value(self) -> float:
        self.asked += 1
        self.passed += 1
        self.mean_loss = float(self._loss(self.theta))
        return self.mean_loss

    def tell(self, what: str, done: int, most: int | None) -> None:
        pass

    def _matrix(self) -> Any:
        return np.zeros((self.theta.size,) * 2) if self._curvature is None else self._curvature(self.theta)

    def products(self, part: slice) -> Callable[[Any, Any], None]:
        return lambda v, out: np.matmul(self._matrix(), v, out=out)

    def diagonal(self, part: slice, out: Any) -> None:
        out[...] = 0.0 if self._curvature is None else np.diag(self._matrix())

    def matrix(self, part: slice, out: Any) -> None:
        out[...] = self._matrix()


@pytest.fixture
def parabola() -> Callable[..., Landscape]:
    """Make L = ½ Σ aᵢ θᵢ², whose gradient is a θ."""

    def make(a: Any, theta: Any) -> Landscape:
        a = np.array(a)
        return Landscape(theta, lambda theta: 0.5 * a @ theta**2, lambda theta: a * theta, lambda theta: np.diag(a))

    return make


@pytest.fixture
def quadratic() -> Callable[..., tuple[Landscape, Any]]:
    """Make L = ½ θ'A θ − b'θ of n dimensions, with eigenvalues of A from 1 to `condition`, and its minimum."""

    def make(n: int, condition: float = 50.0, seed: int = 0) -> tuple[Landscape, Any]:
        rng = np.random.default_rng(seed)
        axes = np.linalg.qr(rng.normal(size=(n, n)))[0]
        A, b = axes * np.linspace(1.0, condition, n) @ axes.T, rng.normal(size=n)
        landscape = Landscape(
            np.zeros(n), lambda t: 0.5 * t @ A @ t - b @ t, lambda theta: A @ theta - b, lambda theta: A
        )
        return landscape, np.linalg.solve(A, b)

    return make


@pytest.fixture
def given_gradients() -> Callable[..., Landscape]:
    """Make an objective whose gradients are those in a list, one after the other, wherever theta is; without
    curvature, unless its diagonal is given."""

    def make(theta: Any, gradients: Sequence[Any], diagonal: Any = None) -> Landscape:
        each = iter(gradients)
        made = Landscape(theta, lambda theta: 0.0, lambda theta: next(each))
        if diagonal is not None:  # of a curvature that is too large to be a matrix
            made.diagonal = lambda part, out: out.__setitem__(..., diagonal)  # type: ignore[method-assign]
        return made

    return make


@pytest.fixture
def rosenbrock() -> Callable[[], Landscape]:
    """Make Rosenbrock's curved valley (1 − x)² + 100 (y − x²)² with its usual start."""

    def gradient(theta: Any) -> Any:
        x, y = theta
        return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    def squares(theta: Any) -> Any:
        """Return 2 JᵀJ of the two squares: the Gauss–Newton matrix."""
        J = np.array([[-1.0, 0.0], [-20 * theta[0], 10.0]])
        return 2 * J.T @ J

    return lambda: Landscape([-1.2, 1.0], lambda t: (1 - t[0]) ** 2 + 100 * (t[1] - t[0] ** 2) ** 2, gradient, squares)


@pytest.fixture
def walk() -> Callable[..., list[Any]]:
    """Let a rule make steps, ten to an epoch; return theta after each of them."""

    def go(rule: Any, objective: Landscape, steps: int) -> list[Any]:
        rule.allocate(objective.theta, objective.grad)
        path = []
        for t in range(steps):
            progress = Progress(
                epoch=t // 10, batch=t % 10, updates=t, batches_per_epoch=10, updates_per_objective=None
            )
            rule.step(objective, progress)
            path.append(objective.theta.copy())
        return path

    return go
