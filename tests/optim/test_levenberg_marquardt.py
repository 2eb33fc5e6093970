"""Levenberg–Marquardt: least squares in one step, damping, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest

from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.levenberg_marquardt import LevenbergMarquardt, bytes_needed, solve


def objective_of(layers: dict[str, Any], loss: Any, n: int = 60, dtype: str = "float64") -> Objective:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=n)
    x = (rng.normal(size=(n, 2, 3)) + np.eye(3)[labels][:, None, :]).astype(dtype)
    model = Sequential(layers=layers)
    loss.build(model.build((2, 3)), 3)
    model.allocate(np, dtype)
    model.initialize(0)
    objective = Objective(model, loss)
    objective.set_batch(x, labels, update=0)
    return objective


def step(method: Any, objective: Any, steps: int = 1) -> list[float]:
    """Return the damping after each step."""
    method.allocate(objective.theta, objective.grad)
    found = []
    for t in range(steps):
        method.step(objective, Progress(updates=t, updates_per_objective=None))
        found.append(method.numbers["damping"])
    return found


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-3)])
@pytest.mark.parametrize("scaling", ["identity", "diagonal"])
def test_linear_least_squares_are_solved_in_one_step(scaling, dtype, tolerance):
    objective = objective_of({"output": Dense(units=3)}, SquaredError(), dtype=dtype)
    x = np.hstack([objective.x.reshape(60, -1).astype("float64"), np.ones((60, 1))])
    expected, *_ = np.linalg.lstsq(x, np.eye(3)[objective.labels], rcond=None)
    step(LevenbergMarquardt(damping=1e-12, scaling=scaling), objective)
    found = objective.model.views(objective.theta)
    np.testing.assert_allclose(found["output.W"], expected[:-1], atol=tolerance)
    np.testing.assert_allclose(found["output.b"], expected[-1], atol=tolerance)


def test_minimum_of_a_quadratic_is_reached_in_one_step_without_damping(quadratic):
    objective, minimum = quadratic(8)
    step(LevenbergMarquardt(damping=1e-14), objective)
    np.testing.assert_allclose(objective.theta, minimum, rtol=1e-9)


@pytest.mark.parametrize(("scaling", "D"), [("identity", np.eye(8)), ("diagonal", None)])
def test_a_step_is_that_of_the_damped_equations(scaling, D, quadratic):
    objective, _ = quadratic(8)
    A, g = objective.gauss_newton._matrix(), objective._gradient(objective.theta)
    D = np.diag(np.diag(A)) if D is None else D
    step(LevenbergMarquardt(damping=0.5, scaling=scaling), objective)
    np.testing.assert_allclose(objective.theta, np.linalg.solve(A + 0.5 * D, -g), rtol=1e-9)


def test_rosenbrocks_valley_is_followed(rosenbrock):
    objective = rosenbrock()
    step(LevenbergMarquardt(), objective, 25)
    np.testing.assert_allclose(objective.theta, 1.0, atol=1e-8)


def test_damping_shrinks_where_the_model_is_right(quadratic):
    objective, _ = quadratic(8)
    assert step(LevenbergMarquardt(damping=0.1, down=5.0), objective) == [pytest.approx(0.02)]


def test_a_step_that_raises_the_objective_is_taken_back_and_tried_with_more_damping(parabola):
    """The objective has a wall at −1, far behind which the undamped step would end."""
    objective = parabola([1e-3, 1.0], [1.0, 0.0])
    loss = objective._loss
    objective._gradient = lambda theta: np.array([1.0, 0.0])
    objective._loss = lambda theta: loss(theta) + theta[0] if theta[0] > -1 else math.inf
    method = LevenbergMarquardt(damping=1e-3, up=10.0)
    assert step(method, objective)[0] > 1e-3
    assert -1 < objective.theta[0] < 1
    assert method.rate(Progress()) == 1.0


def test_where_nothing_helps_theta_stays(quadratic):
    objective, _ = quadratic(5)
    objective._loss = lambda theta: float(np.abs(theta).sum())
    method = LevenbergMarquardt(damping=1.0, up=2.0, tries=4)
    assert step(method, objective) == [16.0]
    assert np.array_equal(objective.theta, np.zeros(5))
    assert method.rate(Progress()) == 0.0
    assert objective.asked == 1 + 4


def test_damping_stays_a_number_where_no_step_is_better_for_ever(quadratic):
    objective, minimum = quadratic(5)
    objective.theta[...] = minimum
    assert all(math.isfinite(damping) for damping in step(LevenbergMarquardt(), objective, 200))


def test_equations_without_a_solution_are_no_step():
    assert not np.isfinite(solve(np.zeros((2, 2)), np.ones(2), 0.0, False)).all()
    assert np.array_equal(solve(np.diag([2.0, 0.0]), np.array([2.0, 0.0]), 1.0, True), [-0.5, 0.0])


@pytest.mark.parametrize("loss", [SquaredError, SoftmaxNLL])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_net_learns_its_examples_in_few_steps(dtype, loss):
    layers = {"hidden": Dense(units=6, activation="tanh"), "output": Dense(units=3)}
    objective = objective_of(layers, loss(), n=30, dtype=dtype)
    before = objective.value()
    step(LevenbergMarquardt(), objective, 30)
    assert objective.value() < 0.02 * before


def test_a_model_that_is_too_large_is_told_what_it_would_need():
    assert LevenbergMarquardt().too_large(1030, 4) is None
    said = LevenbergMarquardt().too_large(15_910, 4)
    assert said is not None
    assert "15,910 × 15,910" in said
    assert f"{bytes_needed(15_910, 4) / 1e6:,.0f} MB" in said
    assert LevenbergMarquardt(memory_mb=10_000).too_large(15_910, 4) is None
