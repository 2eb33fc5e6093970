"""Momentum rules are relatives of each other and of plain descent."""

import numpy as np
import pytest

from mnistnn.optim.contract import Progress
from mnistnn.optim.momentum import CourseMomentum, Momentum, Nesterov
from mnistnn.optim.schedules import Linear, Sutskever
from mnistnn.optim.sgd import SGD

A, START = [3.0, 0.7, 1e-2], [1.0, -2.0, 5.0]
STEPS = 40


@pytest.fixture
def gradients():
    return np.random.default_rng(0).normal(size=(STEPS, 3))


@pytest.mark.parametrize("beta", [0.5, 0.8, 0.9])
def test_course_momentum_makes_the_steps_of_classical_momentum_with_a_smaller_rate_one_step_late(
    beta, given_gradients, walk, gradients
):
    late = walk(CourseMomentum(learning_rate=0.4, beta=beta), given_gradients(START, gradients), STEPS)
    classical = Momentum(learning_rate=0.4 * (1 - beta), momentum=beta)
    path = walk(classical, given_gradients(START, gradients), STEPS)
    assert np.array_equal(late[0], START)
    np.testing.assert_allclose(late[1:], path[:-1], rtol=1e-12, atol=1e-13)


def test_course_momentum_without_memory_makes_the_steps_of_descent_one_step_late(given_gradients, walk, gradients):
    late = walk(CourseMomentum(learning_rate=0.4, beta=0.0), given_gradients(START, gradients), STEPS)
    path = walk(SGD(learning_rate=0.4), given_gradients(START, gradients), STEPS)
    assert np.array_equal(late[0], START)
    assert np.array_equal(late[1:], path[:-1])


@pytest.mark.parametrize("beta", [0.0, 0.8])
def test_course_momentum_on_a_function_follows_the_gradient_of_one_step_before(beta, parabola, walk):
    """So its path is not that of classical momentum, shifted: θ' − θ = β (θ − θ⁻) − η (1 − β) g(θ⁻)."""
    path = [np.array(START), *walk(CourseMomentum(learning_rate=0.4, beta=beta), parabola(A, START), STEPS)]
    for before, here, after in zip(path, path[1:], path[2:], strict=False):
        expected = beta * (here - before) - 0.4 * (1 - beta) * np.array(A) * before
        np.testing.assert_allclose(after - here, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("rate", "ends_below"), [(0.097, 1e-3), (0.103, np.inf)])
@pytest.mark.parametrize("beta", [0.2, 0.8])
def test_course_momentum_is_stable_below_half_the_rate_of_descent(rate, ends_below, beta, parabola, walk):
    """On curvature 10: 1/10 is its limit whatever β, since z² − (1 + β) z + β + η (1 − β) a has roots of product 1."""
    end = abs(walk(CourseMomentum(learning_rate=rate, beta=beta), parabola([10.0], [1.0]), 3000)[-1][0])
    assert end < ends_below
    assert (end > 10) == np.isinf(ends_below)
    assert abs(walk(SGD(learning_rate=rate), parabola([10.0], [1.0]), 3000)[-1][0]) < 1e-9


def test_classical_momentum_of_zero_is_descent(parabola, walk):
    path = walk(Momentum(learning_rate=0.4, momentum=0.0), parabola(A, START), STEPS)
    assert np.array_equal(path, walk(SGD(learning_rate=0.4), parabola(A, START), STEPS))


def test_velocity_along_a_constant_gradient_grows_to_its_limit(given_gradients, walk):
    path = walk(Momentum(learning_rate=0.25, momentum=0.75), given_gradients([0.0], [[2.0]] * 100), 100)
    assert path[-1] - path[-2] == pytest.approx(-0.25 / (1 - 0.75) * 2.0)


@pytest.mark.parametrize(
    ("momentum", "mu"),
    [
        (0.9, lambda t: 0.9),
        (Sutskever(limit=0.9, period_updates=3), lambda t: min(1 - 2 ** (-1 - np.log2(t // 3 + 1)), 0.9)),
        (Linear(start=0.2, end=0.8, epochs=2), lambda t: 0.2 + 0.6 * min(1, t / 20)),
    ],
    ids=["constant", "sutskever", "linear"],
)
def test_nesterov_in_look_ahead_form_equals_the_textbook(momentum, mu, parabola, walk):
    found = walk(Nesterov(learning_rate=0.3, momentum=momentum), parabola(A, START), STEPS)
    theta, v = np.array(START), np.zeros(3)
    for t in range(STEPS):
        v = mu(t) * v - 0.3 * np.array(A) * (theta + mu(t) * v)
        theta = theta + v
        np.testing.assert_allclose(found[t], theta + mu(t + 1) * v, rtol=1e-11, atol=1e-13)


def test_progress_after_an_update_is_that_of_the_next_one():
    progress = Progress(epoch=2, batch=3, updates=23, batches_per_epoch=10)
    assert progress.after_update() == Progress(epoch=2, batch=4, updates=24, batches_per_epoch=10)
    assert progress.epochs == 2.3
