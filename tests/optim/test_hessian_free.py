"""Hessian-free optimization: its inner conjugate gradient, and what the steps do with it."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.hessian_free import HessianFree, has_stalled, part_of, saved_after
from mnistnn.optim.inner_cg import Memory, descend


def matrix(n: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    return root @ root.T + np.eye(n), rng.normal(size=n)


@pytest.mark.parametrize("scale", [np.ones(7), np.linspace(0.5, 3, 7)])
@pytest.mark.parametrize("start", [np.zeros(7), np.arange(7.0)])
def test_inner_conjugate_gradient_solves_the_equations_in_as_many_steps_as_unknowns(start, scale):
    A, g = matrix(7)
    d, values = start.copy(), []
    for done, value in enumerate(descend(times(A), g, scale, d, Memory.like(d))):
        assert value == pytest.approx(g @ d + 0.5 * d @ A @ d, rel=1e-9, abs=1e-9)
        values.append(value)
        if done == 7:
            break
    np.testing.assert_allclose(d, np.linalg.solve(A, -g), rtol=1e-6)
    assert all(after < before for before, after in pairwise(values))


def test_a_preconditioner_equal_to_a_diagonal_matrix_solves_it_in_one_step():
    a, g = np.linspace(1, 1e4, 50), np.ones(50)
    d = np.zeros(50)
    steps = descend(times(np.diag(a)), g, a, d, Memory.like(d))
    next(steps), next(steps)
    np.testing.assert_allclose(d, -g / a, rtol=1e-12)


def test_inner_conjugate_gradient_ends_where_there_is_nothing_to_do():
    d = np.zeros(3)
    assert list(descend(times(np.eye(3)), np.zeros(3), np.ones(3), d, Memory.like(d))) == [0.0]


def times(A: Any) -> Any:
    """Return what writes A v."""

    def apply(v: Any, out: Any) -> None:
        np.matmul(A, v, out=out)

    return apply


def step(method: Any, objective: Any, steps: int = 1) -> None:
    method.allocate(objective.theta, objective.grad)
    for t in range(steps):
        method.step(objective, Progress(updates=t, updates_per_objective=None))


def test_with_little_damping_the_first_step_goes_to_the_minimum_of_a_quadratic(quadratic):
    objective, minimum = quadratic(8)
    step(HessianFree(damping=1e-12), objective)
    np.testing.assert_allclose(objective.theta, minimum, atol=1e-6)


def test_the_damped_direction_is_that_of_the_damped_equations(quadratic):
    objective, _ = quadratic(8)
    A, g = objective.gauss_newton._matrix(), objective._gradient(objective.theta)
    method = HessianFree(damping=5.0)
    method.allocate(objective.theta, objective.grad)
    method._g[...] = g
    models = method._solve(objective, slice(0, 1))
    d = np.linalg.solve(A + 5.0 * np.eye(8), -g)
    np.testing.assert_allclose(method._saved[len(models) - 1], d, rtol=1e-4)
    assert models[-1] == pytest.approx(g @ d + 0.5 * d @ A @ d, rel=1e-6)


def test_damping_shrinks_where_the_model_is_right_and_grows_where_it_is_wrong(quadratic):
    objective, _ = quadratic(8)
    method = HessianFree(damping=1.0)
    step(method, objective)
    assert method.numbers["damping"] == pytest.approx(2 / 3)
    objective, _ = quadratic(8)
    loss = objective._loss
    objective._loss = lambda theta: loss(theta) * 0.1  # falls by a tenth of what is predicted
    step(method, objective)
    assert method.numbers["damping"] == pytest.approx(3 / 2)


def test_rosenbrocks_valley_is_followed(rosenbrock):
    """A Gauss–Newton matrix is exact at the bottom, so the end is quick."""
    objective = rosenbrock()
    step(HessianFree(damping=1.0), objective, 40)
    np.testing.assert_allclose(objective.theta, 1.0, atol=1e-6)


def test_a_step_that_nothing_can_be_made_of_leaves_theta_and_grows_the_damping(quadratic):
    objective, _ = quadratic(5)
    objective._loss = lambda theta: float(np.abs(theta).sum())  # rises whatever the gradient says
    method = HessianFree(damping=1.0)
    step(method, objective, 3)
    assert np.array_equal(objective.theta, np.zeros(5))
    assert method.rate(Progress()) == 0.0
    assert method.numbers["damping"] == pytest.approx(1.5**3)


def test_where_there_are_no_numbers_a_step_is_shortened(parabola):
    objective = parabola([1.0], [3.0])
    loss = objective._loss
    objective._loss = lambda theta: loss(theta) if theta[0] > 1 else math.nan
    step(HessianFree(damping=1e-6), objective)
    assert 1 < objective.theta[0] < 3


def test_an_iterate_before_the_last_is_taken_where_the_objective_is_lower(quadratic):
    """The model is right at first only: beyond a distance from the start the objective rises steeply."""
    objective, minimum = quadratic(12, condition=1e3)
    loss, limit = objective._loss, float(0.5 * np.linalg.norm(minimum))
    objective._loss = lambda theta: loss(theta) + 1e3 * max(0.0, float(np.linalg.norm(theta)) - limit)
    method = HessianFree(damping=1e-9, iterations=5)
    step(method, objective)
    assert method.rate(Progress()) == 1.0, "backtracking along a direction should not be needed"
    assert np.linalg.norm(objective.theta) <= limit
    assert objective.value() < loss(np.zeros(12))


def test_the_inner_iterations_begin_with_a_part_of_the_last_direction(quadratic):
    """Where neither damping nor place have changed, a warm start of everything leaves nothing to solve."""
    counts = {}
    for warm_start in (0.0, 1.0):
        objective, _ = quadratic(30)
        A = objective.gauss_newton._matrix()
        method = HessianFree(damping=1e-3, warm_start=warm_start)
        method.allocate(objective.theta, objective.grad)
        method.step(objective, Progress(updates_per_objective=None))
        objective.theta[...] = 0.0  # from the same place once more
        method.numbers["damping"] = 1e-3
        method.step(objective, Progress(updates=1, updates_per_objective=None))
        counts[warm_start] = method.numbers["inner_iterations"]
        assert np.linalg.norm(A @ objective.theta + objective._gradient(np.zeros(30))) < 1.0
    assert counts[1.0] < counts[0.0]


def test_a_model_has_stalled_when_it_gains_less_than_so_much_an_iteration():
    assert not has_stalled([-1.0] * 11, 5e-4)  # ten iterations are too few to be judged
    assert has_stalled([-1.0] * 12, 5e-4)
    assert not has_stalled([-1.0 - 0.01 * i for i in range(12)], 5e-4)
    assert has_stalled([-1.0 - 0.0001 * i for i in range(12)], 5e-4)
    assert not has_stalled([1.0] * 12, 5e-4)  # a warm start may begin above 0


def test_iterates_are_saved_ever_less_often():
    assert sorted(saved_after(30)) == [1, 2, 3, 4, 5, 7, 9, 11, 14, 18, 24]


@pytest.mark.parametrize(("examples", "count"), [(10, 3), (10, 10), (10, 20), (7, 1)])
def test_parts_of_the_batch_take_turns(examples, count):
    parts = [part_of(examples, count, update) for update in range(examples)]
    assert {part.stop - part.start for part in parts} == {min(count, examples)}
    assert all(part.start >= 0 and part.stop <= examples for part in parts)
    assert {i for part in parts for i in range(part.start, part.stop)} == set(range(examples))


def network(dtype: str = "float64") -> Objective:
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=120)
    x = (rng.normal(size=(120, 3, 4)) + 2 * np.eye(4)[labels][:, None, :]).astype(dtype)
    model, loss = (
        Sequential(layers={"hidden": Dense(units=6, activation="tanh"), "output": Dense(units=4)}),
        SoftmaxNLL(),
    )
    loss.build(model.build((3, 4)), 4)
    model.allocate(np, dtype)
    model.initialize(0)
    objective = Objective(model, loss)
    objective.set_batch(x, labels, update=0)
    return objective


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_net_learns_its_examples_in_few_steps(dtype):
    objective = network(dtype)
    before = objective.value()
    step(HessianFree(curvature_examples=60), objective, 20)
    assert objective.value() < 0.02 * before


def test_passes_count_gradients_values_and_two_for_each_product():
    objective, method = network(), HessianFree(curvature_examples=60)
    step(method, objective, 2)
    passes = method.metrics(Progress(examples_per_epoch=120))["passes"]
    assert passes == objective.passed / 120
    assert passes > 2


def test_what_is_being_done_is_told():
    objective, heard = network(), []
    objective.tell = lambda what, done, most: heard.append((what, done, most))
    step(HessianFree(curvature_examples=60, iterations=5), objective)
    assert ("conjugate gradient", 1, 5) in heard
