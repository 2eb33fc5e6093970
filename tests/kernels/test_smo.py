"""Sequential minimal optimization: optima as SciPy finds them, and loops that have the bits of array code."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize

from mnistnn.backend.jit import Compiled
from mnistnn.kernels import smo


def problem(n: int = 20, C: float = 1.0, seed: int = 0) -> tuple[Any, ...]:
    """Return K, y, low, high of n points of two classes that overlap, and a Gaussian kernel."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(n) % 3 == 0, 1.0, -1.0)
    x = rng.normal(size=(n, 2)) + 0.7 * y[:, None]
    K = np.exp(-0.5 * ((x[:, None] - x) ** 2).sum(axis=2)).astype(np.float32)
    return K, y, np.minimum(0.0, C * y), np.maximum(0.0, C * y)


def solved(K, y, low, high, tolerance=1e-9, most=1_000_000, compiled=False):
    beta, residual = np.zeros(len(y)), y.copy()
    with Compiled(compiled).in_use():
        moves = smo.optimize(K, low, high, tolerance, most, beta, residual)
    return beta, residual, moves


def objective(K, y, beta):
    return y @ beta - 0.5 * beta @ K.astype(np.float64) @ beta


@pytest.mark.parametrize("C", [0.1, 1.0, 100.0])
def test_optimum_is_that_of_a_general_solver(C):
    K, y, low, high = problem(C=C)
    Q = K.astype(np.float64)
    expected = minimize(
        lambda beta: -objective(K, y, beta),
        np.zeros(20),
        jac=lambda beta: Q @ beta - y,
        hess=lambda beta: Q,
        bounds=list(zip(low, high, strict=True)),
        constraints=[LinearConstraint(np.ones((1, 20)), 0.0, 0.0)],
        method="trust-constr",
        options={"gtol": 1e-10, "xtol": 1e-12, "barrier_tol": 1e-12, "maxiter": 5000},
    ).x
    beta, _, _ = solved(K, y, low, high)
    assert objective(K, y, beta) == pytest.approx(objective(K, y, expected), rel=1e-6)
    np.testing.assert_allclose(Q @ beta, Q @ expected, atol=1e-3 * max(1.0, abs(Q @ expected).max()))


@pytest.mark.parametrize("C", [0.1, 1.0, 100.0])
def test_optimum_meets_its_conditions(C):
    """Margins: at least 1 where α is 0, 1 where it is between, at most 1 where it is C; Σ α y = 0."""
    K, y, low, high = problem(60, C)
    beta, residual, _ = solved(K, y, low, high, tolerance=1e-6)
    alpha = beta * y
    assert ((alpha >= 0) & (alpha <= C)).all()
    assert abs(beta.sum()) < 1e-12 * C * 60
    np.testing.assert_allclose(residual, y - K.astype(np.float64) @ beta, atol=1e-9 * max(1.0, C))
    free = (alpha > 0) & (alpha < C)
    assert free.any()
    excess = y * (residual.mean(where=free) - residual)  # y f(x) − 1
    assert abs(excess[free]).max() <= 1e-6
    assert excess[alpha == 0].min(initial=0) >= -1e-6
    assert excess[alpha == C].max(initial=0) <= 1e-6


def test_bounds_are_reached_exactly():
    K, y, low, high = problem(60, 0.3)
    alpha = solved(K, y, low, high)[0] * y
    assert (alpha == 0).any()
    assert (alpha == 0.3).any()
    inside = alpha[(alpha != 0) & (alpha != 0.3)]
    assert ((inside > 1e-6) & (inside < 0.3 - 1e-6)).all()


@pytest.mark.parametrize("most", [0, 1, 2, 7, 1_000_000])
@pytest.mark.parametrize("C", [0.1, 100.0])
def test_loop_has_the_bits_of_array_code(C, most):
    pytest.importorskip("numba")
    K, y, low, high = problem(90, C)
    results = [solved(K, y, low, high, tolerance=1e-6, most=most, compiled=each) for each in (False, True)]
    (beta, residual, moves), (in_loop, residual_in_loop, moves_in_loop) = results
    assert moves == moves_in_loop == (moves if most > 7 else most)
    assert beta.tobytes() == in_loop.tobytes()
    assert np.array_equal(residual, residual_in_loop)


@pytest.mark.parametrize("compiled", [False, True])
def test_stopping_in_between_changes_no_bit(compiled):
    K, y, low, high = problem(60)
    whole, _, moves = solved(K, y, low, high)
    beta, residual, done = np.zeros(60), y.copy(), 0
    with Compiled(compiled).in_use():
        while moved := smo.optimize(K, low, high, 1e-9, 5, beta, residual):
            done += moved
    assert done == moves
    assert beta.tobytes() == whole.tobytes()


def test_each_move_gains_something():
    K, y, low, high = problem(60)
    gained = [objective(K, y, solved(K, y, low, high, most=most)[0]) for most in range(40)]
    assert (np.diff(gained) > 0).all()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("y", [[1.0, 1.0], [-1.0, -1.0, -1.0], []])
def test_one_class_alone_leaves_nothing_to_move(y, compiled):
    n = len(y)
    y = np.array(y)
    beta, _, moves = solved(np.eye(n, dtype="f4"), y, np.minimum(0, y), np.maximum(0, y), compiled=compiled)
    assert moves == 0
    assert not beta.any()


@pytest.mark.parametrize("compiled", [False, True])
def test_equal_examples_of_both_classes_go_to_their_bounds(compiled):
    y = np.array([1.0, -1.0])
    beta, _, moves = solved(np.ones((2, 2), "f4"), y, np.minimum(0, 3 * y), np.maximum(0, 3 * y), compiled=compiled)
    assert (beta.tolist(), moves) == ([3.0, -3.0], 1)
