"""Every rule against its formula, written out plainly on whole vectors that are longer than one block."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest

from mnistnn.optim import Rule
from mnistnn.optim.adaptive import AdaDelta, AdaGrad, Adam, AdamW, AdaptiveRates, CourseRMSProp, GravesRMSProp, RMSProp
from mnistnn.optim.contract import Progress
from mnistnn.optim.momentum import CourseMomentum, Momentum, Nesterov
from mnistnn.optim.rprop import RProp
from mnistnn.optim.rule import BLOCK
from mnistnn.optim.schedules import Cosine, InverseTime, Sutskever
from mnistnn.optim.sgd import SGD, Sign
from mnistnn.optim.stochastic_diagonal import StochasticDiagonal

SIZE = 2 * BLOCK + 123
STEPS = 5
RATES = [0.1 / (1 + 0.5 * t / 10) for t in range(STEPS)]  # those of the schedule below, at ten updates an epoch
SCHEDULE = InverseTime(start=0.1, decay=0.5)
CURVATURES = np.random.default_rng(3).uniform(0, 10, SIZE)


def sgd(theta, gradients):
    for eta, g in zip(RATES, gradients, strict=True):
        theta = theta - eta * g
    return theta


def sign(theta, gradients):
    for eta, g in zip(RATES, gradients, strict=True):
        theta = theta - eta * np.where(g > 0, 1, np.where(g < 0, -1, 0))
    return theta


def course_momentum(theta, gradients):
    m = np.zeros_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        theta, m = theta - eta * m, 0.8 * m + 0.2 * g
    return theta


def momentum(theta, gradients):
    v = np.zeros_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        v = 0.9 * v - eta * g
        theta = theta + v
    return theta


def nesterov(theta, gradients):
    """Textbook form; the gradients do not depend on θ, so what is stored is θ + μ v."""
    v = np.zeros_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        v = 0.9 * v - eta * g
        theta = theta + v
    return theta + 0.9 * v


def adaptive_rates(theta, gradients):
    r, last = np.ones_like(theta), None
    for eta, g in zip(RATES, gradients, strict=True):
        theta = theta - eta * r * g
        if last is not None:
            r[g * last > 0] += 0.05
            r[g * last < 0] *= 0.95
            r = np.minimum(np.maximum(r, 0.98), 1.08)
        last = g
    return theta


def course_rmsprop(theta, gradients):
    ms = np.ones_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        theta, ms = theta - eta * g / np.sqrt(ms), 0.9 * ms + 0.1 * g**2
    return theta


def rmsprop(theta, gradients):
    ms = np.zeros_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        ms = 0.9 * ms + 0.1 * g**2
        theta = theta - eta * g / (np.sqrt(ms) + 1e-8)
    return theta


def graves_rmsprop(theta, gradients):
    square, mean, v = np.zeros_like(theta), np.zeros_like(theta), np.zeros_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        square = 0.95 * square + 0.05 * g**2
        mean = 0.95 * mean + 0.05 * g
        v = 0.9 * v - eta * g / np.sqrt(square - mean**2 + 1e-4)
        theta = theta + v
    return theta


def rprop(theta, gradients):
    size, before = np.ones_like(theta), np.zeros_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        kept, turned = before * g > 0, before * g < 0
        size = np.clip(np.where(kept, size * 1.2, np.where(turned, size * 0.5, size)), 0.6, 1.3)
        g = np.where(turned, 0.0, g)
        theta = theta - eta * size * np.sign(g)
        before = g
    return theta


def adagrad(theta, gradients):
    total = np.zeros_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        total = total + g**2
        theta = theta - eta * g / (np.sqrt(total) + 1e-8)
    return theta


def adadelta(theta, gradients):
    square, square_step = np.zeros_like(theta), np.zeros_like(theta)
    for eta, g in zip(RATES, gradients, strict=True):
        square = 0.95 * square + 0.05 * g**2
        step = -np.sqrt(square_step + 1e-6) / np.sqrt(square + 1e-6) * g
        square_step = 0.95 * square_step + 0.05 * step**2
        theta = theta + eta * step
    return theta


def adam(theta, gradients, decay=0.0):
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, (eta, g) in enumerate(zip(RATES, gradients, strict=True), start=1):
        theta = theta - eta * decay * theta
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        theta = theta - eta * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return theta


def adamw(theta, gradients):
    return adam(theta, gradients, decay=0.01)


def stochastic_diagonal(theta, gradients):
    for eta, g in zip(RATES, gradients, strict=True):
        theta = theta - eta * g / (0.02 + CURVATURES)
    return theta


FORMULAS: list[tuple[Any, Callable[..., Any]]] = [
    (SGD(learning_rate=SCHEDULE), sgd),
    (Sign(learning_rate=SCHEDULE), sign),
    (CourseMomentum(learning_rate=SCHEDULE), course_momentum),
    (Momentum(learning_rate=SCHEDULE), momentum),
    (Nesterov(learning_rate=SCHEDULE), nesterov),
    (AdaptiveRates(learning_rate=SCHEDULE, minimum=0.98, maximum=1.08), adaptive_rates),
    (RProp(learning_rate=SCHEDULE, minimum=0.6, maximum=1.3), rprop),
    (CourseRMSProp(learning_rate=SCHEDULE), course_rmsprop),
    (RMSProp(learning_rate=SCHEDULE), rmsprop),
    (GravesRMSProp(learning_rate=SCHEDULE), graves_rmsprop),
    (AdaGrad(learning_rate=SCHEDULE), adagrad),
    (AdaDelta(learning_rate=SCHEDULE), adadelta),
    (Adam(learning_rate=SCHEDULE), adam),
    (AdamW(learning_rate=SCHEDULE), adamw),
    (StochasticDiagonal(learning_rate=SCHEDULE), stochastic_diagonal),
]
every_rule = pytest.mark.parametrize(
    ("rule", "formula"), FORMULAS, ids=lambda value: getattr(value, "type", "") or "formula"
)


@pytest.fixture(scope="module")
def start():
    return np.random.default_rng(1).normal(size=SIZE)


@pytest.fixture(scope="module")
def gradients():
    """Gradients of many sizes, some of them 0 now and then, some always."""
    rng = np.random.default_rng(2)
    drawn = rng.normal(size=(STEPS, SIZE)) * 10.0 ** rng.integers(-3, 3, size=SIZE)
    drawn[:, rng.random(SIZE) < 0.1] = 0.0
    drawn[rng.random(drawn.shape) < 0.1] = 0.0
    return drawn


@every_rule
def test_five_steps_equal_those_of_the_formula(rule, formula, given_gradients, walk, start, gradients):
    objective = given_gradients(start, gradients, CURVATURES)
    walk(rule, objective, STEPS)
    np.testing.assert_allclose(objective.theta, formula(start, gradients), rtol=1e-12, atol=1e-12)


def test_every_rule_has_a_formula():
    assert {type(rule) for rule, _ in FORMULAS} == set(get_args(Rule))


@every_rule
def test_float32_stays_float32_under_a_schedule(rule, formula, given_gradients, walk, start, gradients):
    single = given_gradients(start.astype("float32"), gradients.astype("float32"), CURVATURES)
    walk(rule, single, STEPS)
    assert single.theta.dtype == "float32"
    assert {array.dtype for array in rule.state().values()} <= {np.dtype("float32")}
    double = formula(start, gradients)
    scale = np.abs(double - start).max()
    np.testing.assert_allclose(single.theta, double, rtol=1e-4, atol=1e-4 * scale)


@every_rule
def test_state_is_flat_like_theta_and_never_rebound(rule, formula, given_gradients, walk, start, gradients):
    objective = given_gradients(start, gradients, CURVATURES)
    rule.allocate(objective.theta, objective.grad)
    before = dict(rule.state())
    for t in range(STEPS):
        rule.step(objective, Progress(updates=t))
    assert list(rule.state()) == list(rule.slots)
    for name, array in rule.state().items():
        assert array is before[name]
        assert array.shape == objective.theta.shape


@every_rule
def test_state_and_counters_are_all_that_a_rule_remembers(rule, formula, given_gradients, start, gradients):
    """A copy that is given theta, state and counters after two steps goes on with the same bits."""
    whole = given_gradients(start, gradients, CURVATURES)
    rule.allocate(whole.theta, whole.grad)
    for t in range(2):
        rule.step(whole, Progress(batch=t, updates=t, batches_per_epoch=10))
    theta, state = whole.theta.copy(), {name: array.copy() for name, array in rule.state().items()}
    for t in range(2, STEPS):
        rule.step(whole, Progress(batch=t, updates=t, batches_per_epoch=10))

    again = given_gradients(theta, gradients[2:], CURVATURES)
    rule.allocate(again.theta, again.grad)
    for name, array in rule.state().items():
        array[...] = state[name]
    for t in range(2, STEPS):
        rule.step(again, Progress(batch=t, updates=t, batches_per_epoch=10))
    assert np.array_equal(again.theta, whole.theta)


@every_rule
def test_rate_that_a_rule_reports_is_that_of_its_schedule(rule, formula):
    found = [rule.rate(Progress(batch=t, batches_per_epoch=10)) for t in range(STEPS)]
    assert found == pytest.approx(RATES, rel=1e-15)
    assert {type(rate) for rate in found} == {float}


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_every_parameter_is_moved_once_whatever_the_number_of_blocks(size, given_gradients, walk):
    objective = given_gradients(np.zeros(size), [np.full(size, 8.0)])
    walk(SGD(learning_rate=0.125), objective, 1)
    assert np.array_equal(objective.theta, np.full(size, -1.0))


@pytest.mark.parametrize(
    "rule",
    [Momentum(learning_rate=Cosine(start=0.1, epochs=3), momentum=Sutskever()), Nesterov(learning_rate=1)],
    ids=["momentum", "nesterov"],
)
def test_momentum_of_a_vector_equals_that_of_each_of_its_parts(rule, given_gradients, walk, start, gradients):
    objective = given_gradients(start, gradients, CURVATURES)
    walk(rule, objective, STEPS)
    for part in (slice(0, 100), slice(BLOCK - 50, BLOCK + 50), slice(SIZE - 100, SIZE)):
        alone = given_gradients(start[part], gradients[:, part])
        walk(rule, alone, STEPS)
        assert np.array_equal(alone.theta, objective.theta[part])
