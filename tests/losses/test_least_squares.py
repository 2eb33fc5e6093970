"""Linear regression on one-hot targets has a solution in closed form, which descent must find."""

import numpy as np
import pytest

from mnistnn.layers.dense import Dense
from mnistnn.losses.penalties import L2
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective

N, N_IN, CLASSES = 60, 5, 3


def problem(ridge: float) -> tuple[Objective, np.ndarray, np.ndarray]:
    """Return the objective, x with a column of ones (N, 6), and one-hot targets (N, 3)."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(N, N_IN)), rng.integers(CLASSES, size=N)
    model, loss, penalty = Sequential(layers={"output": Dense(units=CLASSES)}), SquaredError(), L2(strength=ridge)
    loss.build(model.build((N_IN,)), CLASSES)
    model.allocate(np, "float64")
    model.initialize(0)
    penalty.build(model.slots)
    objective = Objective(model, loss, [penalty])
    objective.set_batch(x, labels, update=0)
    return objective, np.column_stack([x, np.ones(N)]), np.eye(CLASSES)[labels]


def closed_form(x: np.ndarray, Y: np.ndarray, ridge: float) -> np.ndarray:
    """Solve the normal equations (xᵀx + n·ridge·I') W = xᵀY, where I' leaves out the bias."""
    spared = np.diag([1.0] * N_IN + [0.0])
    solution: np.ndarray = np.linalg.solve(x.T @ x + N * ridge * spared, x.T @ Y)
    return solution


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_gradient_descent_ends_at_the_closed_form_of_least_squares(ridge):
    objective, x, Y = problem(ridge)
    for _ in range(600):
        objective.loss_and_grad()
        objective.theta -= 0.2 * objective.grad
    np.testing.assert_allclose(objective.theta.reshape(N_IN + 1, CLASSES), closed_form(x, Y, ridge), atol=1e-10)


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_gradient_vanishes_at_the_closed_form_and_nowhere_near(ridge):
    objective, x, Y = problem(ridge)
    objective.theta[...] = closed_form(x, Y, ridge).reshape(-1)
    objective.loss_and_grad()
    assert abs(objective.grad).max() < 1e-14
    objective.theta += 0.01
    objective.loss_and_grad()
    assert abs(objective.grad).max() > 1e-3


def test_value_at_the_closed_form_is_the_residual_of_numpy():
    objective, x, Y = problem(0.0)
    objective.theta[...] = closed_form(x, Y, 0.0).reshape(-1)
    _, residuals, *_ = np.linalg.lstsq(x, Y, rcond=None)
    assert float(objective.loss_and_grad()) == pytest.approx(residuals.sum() / N, rel=1e-12)
