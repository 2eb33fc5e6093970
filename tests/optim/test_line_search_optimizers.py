"""Conjugate gradient and L-BFGS: exact on quadratics, through Rosenbrock's valley, and beside SciPy."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import fmin_cg, fmin_l_bfgs_b

from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropout import Dropout
from mnistnn.losses.penalties import L2
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.conjugate_gradient import ConjugateGradient
from mnistnn.optim.contract import Progress
from mnistnn.optim.lbfgs import LBFGS
from mnistnn.optim.line_search import Backtracking, StrongWolfe

FORMULAS: list[Any] = ["polak_ribiere", "fletcher_reeves", "hestenes_stiefel"]
EXACT = StrongWolfe(curvature=1e-3)  # on a quadratic the second trial is the minimum


def methods(**keys: Any) -> dict[str, Any]:
    """Make each method, each time anew."""
    return {
        **{formula: lambda formula=formula: ConjugateGradient(formula=formula, **keys) for formula in FORMULAS},
        "l_bfgs": lambda: LBFGS(**keys),
    }


each_method = pytest.mark.parametrize("name", methods())


def minimise(method: Any, objective: Any, steps: int, tolerance: float = 1e-9) -> int:
    """Return after how many steps no derivative is larger; fail if there are not so many."""
    method.allocate(objective.theta, objective.grad)
    for t in range(steps):
        method.step(objective, Progress(updates=t, updates_per_objective=None))
        if np.abs(objective.grad).max() <= tolerance:
            return t + 1
    raise AssertionError(f"still {np.abs(objective.grad).max()} after {steps} steps")


@pytest.mark.parametrize("n", [1, 2, 5, 20])
@each_method
def test_minimum_of_a_quadratic_is_reached_in_as_many_exact_steps_as_dimensions(name, n, quadratic):
    objective, minimum = quadratic(n)
    assert minimise(methods(line_search=EXACT)[name](), objective, n + 2) <= n + 2
    np.testing.assert_allclose(objective.theta, minimum, atol=1e-8)


def test_l_bfgs_needs_no_more_steps_where_it_remembers_few_of_them(quadratic):
    objective, _ = quadratic(20)
    assert minimise(LBFGS(memory=2, line_search=EXACT), objective, 22) <= 22


@each_method
def test_exact_steps_on_a_quadratic_are_those_of_linear_conjugate_gradient(name, quadratic):
    objective, _ = quadratic(6)
    A, b = objective.gauss_newton._matrix(), -objective._gradient(np.zeros(6))
    method = methods(line_search=EXACT)[name]()
    method.allocate(objective.theta, objective.grad)
    theta, r = np.zeros(6), -b
    p = -r
    for t in range(5):
        alpha = (r @ r) / (p @ A @ p)
        theta, before = theta + alpha * p, r @ r
        r = A @ theta - b
        p = -r + (r @ r) / before * p
        method.step(objective, Progress(updates=t, updates_per_objective=None))
        np.testing.assert_allclose(objective.theta, theta, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("search", [StrongWolfe(curvature=0.4), StrongWolfe(curvature=0.9), Backtracking()])
def test_rosenbrocks_valley_is_followed_by_l_bfgs(search, rosenbrock):
    objective = rosenbrock()
    assert minimise(LBFGS(line_search=search), objective, 60, 1e-8) <= 60
    np.testing.assert_allclose(objective.theta, 1.0, atol=1e-8)


@pytest.mark.parametrize("formula", FORMULAS)
def test_rosenbrocks_valley_is_followed_by_conjugate_gradient(formula, rosenbrock):
    objective = rosenbrock()
    assert minimise(ConjugateGradient(formula=formula), objective, 100, 1e-8) <= 100
    np.testing.assert_allclose(objective.theta, 1.0, atol=1e-8)


@each_method
def test_a_step_costs_the_trials_of_its_search_and_the_first_one_a_look_more(name, rosenbrock):
    objective, method = rosenbrock(), methods()[name]()
    minimise(method, objective, 100, 1e-8)
    assert method.metrics(Progress(examples_per_epoch=1))["passes"] == objective.asked
    assert objective.asked < 100


def regression(penalty: float = 1e-3, dtype: str = "float64") -> Objective:
    """Softmax regression with weight decay, which has one minimum."""
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=200)
    x = (rng.normal(size=(200, 3, 4)) + 2 * np.eye(4)[labels][:, None, :]).astype(dtype)
    model, loss = Sequential(layers={"output": Dense(units=4)}), SoftmaxNLL()
    loss.build(model.build((3, 4)), 4)
    model.allocate(np, dtype)
    decay = L2(strength=penalty)
    decay.build(model.slots)
    objective = Objective(model, loss, [decay])
    objective.set_batch(x, labels, update=0)
    return objective


def as_functions(objective: Objective) -> tuple[Any, Any]:
    """Return value and gradient as functions of theta, for SciPy."""

    def value(theta: np.ndarray) -> float:
        objective.theta[...] = theta
        return objective.value()

    def gradient(theta: np.ndarray) -> np.ndarray:
        objective.theta[...] = theta
        objective.value_and_grad()
        found: np.ndarray = objective.grad.copy()
        return found

    return value, gradient


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each_method
def test_softmax_regression_ends_where_scipys_methods_do(name, dtype):
    theirs = regression()
    value, gradient = as_functions(theirs)
    start = np.zeros(theirs.theta.size)
    values = [
        fmin_l_bfgs_b(value, start, gradient, factr=10.0, pgtol=1e-9)[1],
        value(fmin_cg(value, start, gradient, gtol=1e-8, disp=False)),
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-9)
    ours, method = regression(dtype=dtype), methods()[name]()
    method.allocate(ours.theta, ours.grad)
    for t in range(100):
        method.step(ours, Progress(updates=t, updates_per_objective=None))
    assert ours.value() == pytest.approx(values[0], rel=1e-5)


def test_conjugate_gradient_goes_where_scipys_goes_step_by_step():
    """Polak and Ribière's directions, the same first trials, the same search."""
    theirs = regression()
    path: list[np.ndarray] = []
    value, gradient = as_functions(theirs)
    fmin_cg(value, np.zeros(theirs.theta.size), gradient, maxiter=15, gtol=0, disp=False, callback=path.append)
    ours, method = regression(), ConjugateGradient()
    method.allocate(ours.theta, ours.grad)
    for t, theta in enumerate(path):
        method.step(ours, Progress(updates=t, updates_per_objective=None))
        np.testing.assert_allclose(ours.theta, theta, rtol=1e-6, atol=1e-8)
    assert len(path) == 15


@each_method
def test_the_value_never_rises(name):
    objective, method = regression(), methods()[name]()
    method.allocate(objective.theta, objective.grad)
    values = []
    for t in range(20):
        method.step(objective, Progress(updates=t, updates_per_objective=None))
        values.append(objective.value())
    assert all(after < before for before, after in pairwise(values))


@each_method
def test_where_no_way_leads_down_theta_stays_and_nothing_more_is_asked(name, parabola):
    """As where rounding hides all descent: after two steps the slope is wrong, and the value only rises."""
    objective, method = parabola([1.0, 5.0], [3.0, 1.0]), methods()[name]()
    method.allocate(objective.theta, objective.grad)
    for t in range(2):
        method.step(objective, Progress(updates=t, updates_per_objective=None))
    there, lowest = objective.theta.copy(), objective.value()
    objective._loss = lambda theta: lowest + np.abs(theta - there).sum()
    asked = []
    for t in range(2, 5):
        loss = method.step(objective, Progress(updates=t, updates_per_objective=None))
        assert float(loss) == lowest
        assert method.rate(Progress()) == 0.0
        assert np.array_equal(objective.theta, there)
        asked.append(objective.asked)
    assert asked[1] == asked[0] == asked[2]


@each_method
def test_at_a_minimum_without_any_gradient_nothing_happens(name, parabola):
    objective = parabola([1.0, 2.0], [0.0, 0.0])
    method = methods()[name]()
    method.allocate(objective.theta, objective.grad)
    assert float(method.step(objective, Progress(updates_per_objective=None))) == 0.0
    assert np.array_equal(objective.theta, [0.0, 0.0])


@each_method
def test_where_there_are_no_numbers_the_step_is_shortened(name, parabola):
    """The bowl ends at 2, on the way of the first trial, which goes a length of 1 and more."""
    objective = parabola([0.1], [1.9])
    loss, gradient = objective._loss, objective._gradient
    objective._loss = lambda theta: loss(theta) if theta[0] > 1.0 else math.nan
    objective._gradient = lambda theta: gradient(theta) if theta[0] > 1.0 else np.full(1, np.nan)
    method = methods()[name]()
    method.allocate(objective.theta, objective.grad)
    for t in range(3):
        method.step(objective, Progress(updates=t, updates_per_objective=None))
        assert 1.0 < objective.theta[0] < 1.9


@each_method
def test_a_start_without_numbers_is_returned_as_the_loss(name, parabola):
    objective = parabola([1.0], [math.nan])
    method = methods()[name]()
    method.allocate(objective.theta, objective.grad)
    assert math.isnan(float(method.step(objective, Progress(updates_per_objective=None))))


@each_method
def test_another_objective_begins_anew(name, quadratic):
    """After three updates the objective is another: the fourth is the first step of a fresh method."""
    first, _ = quadratic(6, seed=0)
    second, _ = quadratic(6, seed=1)
    method, fresh = methods()[name](), methods()[name]()
    method.allocate(first.theta, first.grad)
    for t in range(3):
        method.step(first, Progress(updates=t, updates_per_objective=3))
    theta = first.theta.copy()
    first._loss, first._gradient = second._loss, second._gradient
    method.step(first, Progress(updates=3, updates_per_objective=3))
    second.theta[...] = theta
    fresh.allocate(second.theta, second.grad)
    fresh.step(second, Progress(updates=0, updates_per_objective=3))
    assert np.array_equal(first.theta, second.theta)


def test_conjugate_gradient_begins_again_when_it_is_told_to(quadratic):
    objective, _ = quadratic(6)
    method = ConjugateGradient(restart_every=2, line_search=EXACT)
    method.allocate(objective.theta, objective.grad)
    for t in range(6):
        before, g = objective.theta.copy(), objective._gradient(objective.theta)
        method.step(objective, Progress(updates=t, updates_per_objective=None))
        moved = objective.theta - before
        is_steepest = abs(moved @ g) == pytest.approx(np.linalg.norm(moved) * np.linalg.norm(g), rel=1e-12)
        assert is_steepest == (t % 2 == 0)


def test_l_bfgs_leaves_out_a_pair_along_which_the_gradient_falls(given_gradients):
    """Backtracking asks for no slope, so steps through a region that is curved downwards are made."""
    gradients = [[1.0, 0.0], [2.0, 0.0], [1.5, 0.0], [0.5, 0.0]]
    objective = given_gradients([0.0, 0.0], gradients)
    values = iter([0.0, -10.0, -20.0, -30.0])
    objective._loss = lambda theta: next(values)
    method = LBFGS(line_search=Backtracking())
    method.allocate(objective.theta, objective.grad)
    pairs = []
    for t in range(3):
        method.step(objective, Progress(updates=t, updates_per_objective=None))
        pairs.append(method.numbers["pairs"])
    assert pairs == [0.0, 1.0, 2.0]


def test_l_bfgs_leaves_out_a_pair_that_float32_cannot_hold():
    """y'y is below the smallest number of float32, and would be divided by; s'y is not."""
    method, theta = LBFGS(), np.zeros(1, np.float32)
    method.allocate(theta, np.zeros(1, np.float32))
    method.direction[...] = 1.0
    method.update(np.full(1, 1e-30, np.float32), np.zeros(1, np.float32), 1.0)
    assert not method.has_memory
    method.set_direction(np.ones(1, np.float32))
    assert method.direction == -1.0


def test_masks_stand_still_while_a_batch_is_searched():
    """Two evaluations of one objective with dropout are equal, or no line search could end."""
    model, loss = Sequential(layers={"drop": Dropout(keep=0.5), "output": Dense(units=4)}), SoftmaxNLL()
    loss.build(model.build((3, 4)), 4)
    model.allocate(np, "float64")
    model.initialize(0)
    objective, rng = Objective(model, loss), np.random.default_rng(0)
    method = LBFGS()
    method.allocate(objective.theta, objective.grad)
    x, labels = rng.normal(size=(50, 3, 4)), rng.integers(4, size=50)
    values = []
    for t in range(8):
        progress = Progress(updates=t, updates_per_objective=4)
        objective.set_batch(x, labels, progress.objective_began)
        before = objective.value()
        method.step(objective, progress)
        values.append((before, objective.value()))
    assert all(after < before for before, after in values)
    assert [values[t][0] == values[t - 1][1] for t in range(1, 8)] == [True] * 3 + [False] + [True] * 3


@pytest.mark.slow
def test_softmax_regression_on_real_digits_ends_where_scipys_does(real_mnist):
    """All 50 000 digits with weight decay, in double precision."""
    file = Path(__file__).parents[2] / "experiments" / "alternatives" / "softmax_l_bfgs.yaml"
    overrides = ["backend.dtype=float64", "penalties.l2={strength: 1e-4}", "batches.chunk=5000"]
    training = Plan(load_experiment(file, overrides)).training()
    objective = training.objective
    assert isinstance(objective, Objective)
    x, labels = next(iter(training.batches.of_epoch(1)))
    objective.set_batch(x, labels, update=0)
    value, gradient = as_functions(objective)
    _, theirs, _ = fmin_l_bfgs_b(value, np.zeros(objective.theta.size), gradient, factr=10.0, pgtol=1e-7, maxiter=2000)
    for method in (LBFGS(), ConjugateGradient()):
        objective.theta[...] = 0.0
        minimise(method, objective, 1500, 1e-5)
        assert objective.value() == pytest.approx(theirs, rel=1e-5)
