"""Decomposition: the optimum of all examples, however few rows of the Gram matrix are in memory."""

from typing import Any

import numpy as np
import pytest

from mnistnn.backend import threads
from mnistnn.errors import DivergedError
from mnistnn.kernels import decomposition
from mnistnn.kernels.decomposition import Machine, solve, some_of_both
from mnistnn.kernels.svm_kernels import gaussian

N, GAMMA, C = 400, 0.3, 2.0


def gram(u, v, out):
    gaussian(u, v, GAMMA, out)


def examples(n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Return points of two classes that overlap, those of one behind those of the other."""
    rng = np.random.default_rng(0)
    y = np.where(np.arange(n) < n // 3, 1.0, -1.0)
    return (rng.normal(size=(n, 4)) + 0.5 * y[:, None]).astype(np.float32), y


def machine(x, y, numbers=10_000_000, first=None, tolerance=1e-5, C=C, tell=lambda supports: None) -> Machine:
    return solve(x, y, gram, C, tolerance, some_of_both(y) if first is None else first, numbers, tell)


def f(x: Any, beta: np.ndarray, bias: float) -> np.ndarray:
    """Return the outputs for x itself, in float64."""
    distance = ((x[:, None].astype(np.float64) - x) ** 2).sum(axis=2)
    return np.asarray(np.exp(-GAMMA * distance) @ beta + bias)


def objective(x, y, beta):
    return y @ beta - 0.5 * beta @ f(x, beta, 0.0)


@pytest.fixture(scope="module")
def whole() -> Machine:
    """The machine with all rows in memory, from all examples."""
    x, y = examples()
    return machine(x, y, first=np.arange(N))


def test_optimum_meets_its_conditions(whole):
    x, y = examples()
    alpha, margins = whole.beta * y, y * f(x, whole.beta, whole.bias)
    free = (alpha > 0) & (alpha < C)
    assert ((alpha >= 0) & (alpha <= C)).all()
    assert 20 < free.sum() < N / 2
    assert (alpha == C).sum() > 20
    np.testing.assert_allclose(margins[free], 1, atol=1e-4)
    assert margins[alpha == 0].min() > 1 - 1e-4
    assert margins[alpha == C].max() < 1 + 1e-4
    assert abs(whole.beta.sum()) < 1e-9


@pytest.mark.parametrize("numbers", [0, 9, 300, 10_000, 40_000])
def test_less_memory_than_support_vectors_need_leads_to_the_same_optimum(whole, numbers):
    """0 to 300: room for hardly any; 10,000: for less than half of them; 40,000: for many, but not for whole rows."""
    x, y = examples()
    assert numbers < N * np.count_nonzero(whole.beta)
    found = machine(x, y, numbers)
    assert objective(x, y, found.beta) == pytest.approx(objective(x, y, whole.beta), rel=1e-6)
    np.testing.assert_allclose(f(x, found.beta, found.bias), f(x, whole.beta, whole.bias), atol=2e-3)


@pytest.mark.parametrize("first", [[], [0], [N - 1], [3, N - 4], range(0, N, 7), range(N // 3)])
def test_first_members_do_not_change_the_optimum(whole, first):
    x, y = examples()
    found = machine(x, y, first=np.array(first, dtype=np.int64))
    assert objective(x, y, found.beta) == pytest.approx(objective(x, y, whole.beta), rel=1e-6)


def test_each_row_is_computed_once_at_most_where_there_is_room():
    x, y = examples(3000)
    computed = []

    def counting(u, v, out):
        computed.append(len(u))
        gram(u, v, out)

    found = solve(x, y, counting, C, 1e-3, some_of_both(y), 100_000_000, lambda supports: None)
    assert sum(computed) == found.rows <= len(y)


def test_examples_that_are_no_candidates_need_no_row():
    """Far from the other class."""
    x, y = examples(3000)
    x[:, 0] += 3.0 * y.astype("f4")
    assert machine(x, y, tolerance=1e-3).rows < 1500


@pytest.mark.parametrize("numbers", [10_000_000, 1_000_000])
def test_number_of_threads_changes_no_bit(numbers):
    x, y = examples(6000)
    found = []
    for count in (1, 3):
        with threads.allowed(count):
            result = machine(x, y, numbers, tolerance=1e-2)
            found.append((result.beta.tobytes(), result.bias, result.moves))
    assert found[0] == found[1]


def test_no_free_support_vector_leaves_the_middle_of_what_the_bias_may_be():
    # As many of each class, all at C: the bias is between what each class asks for.
    x = np.array([[0.0], [0.0], [1.0], [1.0]], dtype="f4")
    y = np.array([1.0, 1.0, -1.0, -1.0])
    found = machine(x, y, C=0.01)
    assert found.beta.tolist() == [0.01, 0.01, -0.01, -0.01]
    assert found.bias == pytest.approx(0.0, abs=1e-9)


def test_equal_examples_of_both_classes_go_to_their_bounds():
    x, y = examples(60)
    x[10] = x[50]
    assert (y[10], y[50]) == (1.0, -1.0)
    found = machine(x, y)
    assert found.beta[10] == C or found.beta[50] == -C
    assert (found.beta * y <= C).all()


def test_what_takes_hopelessly_long_is_ended(monkeypatch):
    monkeypatch.setattr(decomposition, "_MOST_MOVES", 20)
    monkeypatch.setattr(decomposition, "_AT_ONCE", 10)
    with pytest.raises(DivergedError, match="does not reach its tolerance, 1e-05, within 20 steps"):
        machine(*examples())


def test_progress_is_told_between_blocks_and_steps(monkeypatch):
    monkeypatch.setattr(decomposition, "_AT_ONCE", 10)
    x, y = examples()
    told: list[int] = []
    found = machine(x, y, tell=told.append)
    assert len(told) >= found.moves // 10
    assert told[-1] == np.count_nonzero(found.beta)


def test_what_progress_raises_ends_it():
    def stop(supports):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        machine(*examples(), tell=stop)
