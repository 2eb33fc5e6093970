"""Least squares by the normal equations against numpy.linalg.lstsq, which decomposes the examples."""

from collections.abc import Callable

import numpy as np
import pytest

from mnistnn.kernels.least_squares import Matrix, least_squares

N, D, CLASSES = 200, 30, 3


def normal(rng: np.random.Generator) -> Matrix:
    return rng.normal(size=(N, D))


def conditioned(rng: np.random.Generator, condition: float) -> Matrix:
    """Return inputs whose singular values fall evenly, in the logarithm, to one part in `condition`."""
    u, _, v = np.linalg.svd(normal(rng), full_matrices=False)
    x: Matrix = u * np.geomspace(1.0, 1.0 / condition, D) @ v
    return x


def with_columns(rng: np.random.Generator, change: Callable[[Matrix], None]) -> Matrix:
    x = normal(rng)
    change(x)
    return x


def zeros(x: Matrix) -> None:
    x[:, [2, 7]] = 0.0


def duplicates(x: Matrix) -> None:
    x[:, 5], x[:, 9] = x[:, 4], 2.0 * x[:, 8] - x[:, 3]


def constants(x: Matrix) -> None:
    x[:, [0, 1]] = 0.3, -2.0  # each depends on the column of ones


def scales(x: Matrix) -> None:
    x *= np.geomspace(1.0, 1e-9, D)


def far_from_zero(x: Matrix) -> None:
    x += 1e4


def nearly_the_same(x: Matrix) -> None:
    x[:, 5] = x[:, 4] + 1e-7 * x[:, 6]


def rare(x: Matrix) -> None:
    """Few numbers but zeros, as in the corners of images."""
    x *= np.random.default_rng(3).random(x.shape) < 0.01


# How far the solution may be from that of numpy, as a share of its largest number; and the same of outputs.
INPUTS: dict[str, tuple[Callable[[np.random.Generator], Matrix], float, float]] = {
    "well-conditioned": (normal, 1e-13, 1e-13),
    "fewer examples than columns": (lambda rng: normal(rng)[:20], 1e-12, 1e-12),
    "zero columns": (lambda rng: with_columns(rng, zeros), 1e-13, 1e-13),
    "duplicate columns": (lambda rng: with_columns(rng, duplicates), 1e-13, 1e-13),
    "constant columns": (lambda rng: with_columns(rng, constants), 1e-13, 1e-13),
    "columns of all scales": (lambda rng: with_columns(rng, scales), 1e-12, 1e-12),
    "far from zero": (lambda rng: with_columns(rng, far_from_zero), 1e-9, 1e-9),
    "nearly the same columns": (lambda rng: with_columns(rng, nearly_the_same), 1e-7, 1e-8),
    "rare": (lambda rng: with_columns(rng, rare), 1e-12, 1e-12),
    "condition 1e5": (lambda rng: conditioned(rng, 1e5), 1e-10, 1e-10),
    "condition 1e7": (lambda rng: conditioned(rng, 1e7), 1e-8, 1e-8),
    "condition 1e8": (lambda rng: conditioned(rng, 1e8), 1e-7, 1e-8),
}
RIDGES = (0.0, 1e-8, 1e-4, 1e-1, 10.0)


def problem(x: Matrix) -> tuple[Matrix, np.ndarray]:
    """Return x with a column of ones, and labels for it."""
    return np.column_stack([x, np.ones(len(x))]), np.random.default_rng(5).integers(CLASSES, size=len(x))


def solved(X: Matrix, labels: np.ndarray, ridge: float) -> Matrix:
    parts = [X[labels == label] for label in range(CLASSES)]
    return least_squares(parts, [part.T @ part for part in parts], list(np.eye(CLASSES)), ridge)


def expected(X: Matrix, labels: np.ndarray, ridge: float) -> Matrix:
    """Solve [X; √ridge I] w = [t; 0], without a row of I for the column of ones."""
    T = np.eye(CLASSES)[labels]
    if ridge:
        rows = np.sqrt(ridge) * np.eye(X.shape[1])[:-1]
        X, T = np.concatenate([X, rows]), np.concatenate([T, np.zeros((len(rows), CLASSES))])
    solution: Matrix = np.linalg.lstsq(X, T, rcond=None)[0]
    return solution


@pytest.mark.parametrize("inputs", INPUTS)
def test_solution_is_that_of_a_decomposition(inputs):
    make, close, outputs_close = INPUTS[inputs]
    X, labels = problem(make(np.random.default_rng(0)))
    w, exact = solved(X, labels, 0.0), expected(X, labels, 0.0)
    np.testing.assert_allclose(w, exact, rtol=0, atol=close * abs(exact).max())
    np.testing.assert_allclose(X @ w, X @ exact, rtol=0, atol=outputs_close)


@pytest.mark.parametrize("ridge", RIDGES[1:])
@pytest.mark.parametrize("inputs", INPUTS)
def test_ridge_is_the_decomposition_of_inputs_with_rows_below(inputs, ridge):
    X, labels = problem(INPUTS[inputs][0](np.random.default_rng(0)))
    w, exact = solved(X, labels, ridge), expected(X, labels, ridge)
    # In directions that ridge alone decides, rounding is divided by it, whoever computes.
    np.testing.assert_allclose(w, exact, rtol=0, atol=max(1e-8, 1e-13 / ridge) * max(1.0, abs(exact).max()))
    np.testing.assert_allclose(X @ w, X @ exact, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "inputs", ["zero columns", "duplicate columns", "constant columns", "fewer examples than columns"]
)
def test_solution_is_that_of_the_least_norm(inputs):
    X, labels = problem(INPUTS[inputs][0](np.random.default_rng(0)))
    w = solved(X, labels, 0.0)
    _, singular, v = np.linalg.svd(X)
    null = v[(singular > 1e-10 * singular[0]).sum() :]
    assert len(null) >= 2
    np.testing.assert_allclose(null @ w, 0.0, atol=1e-12)


def test_least_of_ridge_is_ridge():
    """A millionth of what counts for the shortcut of large ridges, on columns of which some depend on each other."""
    X, labels = problem(with_columns(np.random.default_rng(0), duplicates))
    w = solved(X, labels, 1e-6)
    np.testing.assert_allclose(
        X.T @ (np.eye(CLASSES)[labels] - X @ w)[:, 0], 1e-6 * np.append(w[:-1, 0], 0), atol=1e-11
    )


def test_part_without_examples_changes_nothing():
    X, labels = problem(normal(np.random.default_rng(0)))
    X, labels = X[labels > 0], labels[labels > 0]
    np.testing.assert_allclose(solved(X, labels, 0.0), expected(X, labels, 0.0), atol=1e-12)


def test_nothing_to_fit_is_solved_by_zeros():
    nothing = [np.empty((0, D)), np.empty((0, D))]
    w = least_squares(nothing, [part.T @ part for part in nothing], [np.ones(1), -np.ones(1)], 0.0)
    assert np.array_equal(w, np.zeros((D, 1)))


def test_inputs_are_only_read():
    X, labels = problem(normal(np.random.default_rng(0)))
    parts = [X[labels == label] for label in range(CLASSES)]
    grams, targets = [part.T @ part for part in parts], list(np.eye(CLASSES))
    for array in (*parts, *grams, *targets):
        array.setflags(write=False)
    for ridge in (0.0, 0.1):
        least_squares(parts, grams, targets, ridge)
