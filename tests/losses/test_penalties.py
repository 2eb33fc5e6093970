from itertools import product
from typing import NamedTuple

import numpy as np
import pytest

from mnistnn.losses.penalties import L1, L2, Penalties

FORMS = list(product([L1, L2], ["sum", "mean"], [False, True]))


class Part(NamedTuple):
    """A parameter array in the flat vector."""

    part: slice
    is_bias: bool


SLOTS = [Part(slice(0, 6), False), Part(slice(6, 8), True), Part(slice(8, 12), False), Part(slice(12, 14), True)]
THETA = np.array([1.0, -2.0, 0.0, 3.0, -0.5, 4.0, 5.0, -6.0, 0.25, -1.5, 2.5, 0.0, 7.0, -8.0])


def built(kind, **keys):
    penalty = kind(**keys)
    penalty.build(SLOTS)
    return penalty


def by_hand(kind, strength, reduce, biases):
    """Return value and gradient, number by number, from the definition."""
    value, gradient = 0.0, [0.0] * len(THETA)
    for slot in SLOTS:
        if slot.is_bias and not biases:
            continue
        numbers = range(slot.part.start, slot.part.stop)
        factor = strength / len(numbers) if reduce == "mean" else strength
        for i in numbers:
            w = float(THETA[i])
            value += factor * (abs(w) if kind is L1 else w * w)
            gradient[i] = factor * ((w > 0) - (w < 0) if kind is L1 else 2 * w)
    return value, gradient


@pytest.mark.parametrize(("kind", "reduce", "biases"), FORMS)
def test_value_equals_the_definition(kind, reduce, biases):
    penalty = built(kind, strength=0.1, reduce=reduce, biases=biases)
    assert penalty.value(THETA) == pytest.approx(by_hand(kind, 0.1, reduce, biases)[0], rel=1e-14)


@pytest.mark.parametrize(("kind", "reduce", "biases"), FORMS)
def test_gradient_equals_the_definition(kind, reduce, biases):
    grad = np.zeros(14)
    built(kind, strength=0.1, reduce=reduce, biases=biases).add_gradient(THETA, grad)
    np.testing.assert_allclose(grad, by_hand(kind, 0.1, reduce, biases)[1], rtol=1e-14)


@pytest.mark.parametrize(("kind", "reduce", "biases"), FORMS)
def test_gradient_is_added_to_what_is_there(kind, reduce, biases):
    penalty = built(kind, strength=0.1, reduce=reduce, biases=biases)
    alone, added = np.zeros(14), np.arange(14.0)
    penalty.add_gradient(THETA, alone)
    penalty.add_gradient(THETA, added)
    np.testing.assert_allclose(added, np.arange(14) + alone, rtol=1e-14)


@pytest.mark.parametrize(("kind", "reduce", "biases"), FORMS)
def test_gradient_stays_in_float32_and_only_reads_theta(kind, reduce, biases):
    theta, grad = THETA.astype("float32"), np.zeros(14, "float32")
    theta.setflags(write=False)
    penalty = built(kind, strength=0.1, reduce=reduce, biases=biases)
    penalty.add_gradient(theta, grad)
    assert penalty.scratch("term", (6,), theta).dtype == grad.dtype == np.float32
    np.testing.assert_allclose(grad, by_hand(kind, 0.1, reduce, biases)[1], rtol=1e-6)


def test_l2_of_the_published_perceptron_sums_squares_of_weights_only():
    assert built(L2, strength=1e-4).value(THETA) == pytest.approx(1e-4 * (30.25 + 8.5625))


def test_value_is_a_plain_number():
    assert type(built(L2, strength=1).value(THETA.astype("float32"))) is float


@pytest.mark.parametrize(
    ("penalties", "expected"),
    [
        (Penalties(), []),
        (Penalties(l1=L1(strength=0), l2=L2(strength=0)), []),
        (Penalties(l2=L2(strength=1)), [L2]),
        (Penalties(l1=L1(strength=1), l2=L2(strength=0)), [L1]),
        (Penalties(l1=L1(strength=1), l2=L2(strength=1)), [L1, L2]),
    ],
)
def test_active_penalties_are_those_that_do_something(penalties, expected):
    assert [type(penalty) for penalty in penalties.active()] == expected


def shrunk(theta, threshold):
    """The ISTA step, number by number."""
    return [float(np.sign(w)) * max(abs(float(w)) - threshold, 0.0) for w in theta]


def test_proximal_step_of_l1_is_soft_thresholding_of_the_weights():
    theta = THETA.copy()
    built(L1, strength=3.0, proximal=True).project(theta, 0.2)
    expected = [*shrunk(THETA[:6], 0.6), *THETA[6:8], *shrunk(THETA[8:12], 0.6), *THETA[12:]]
    np.testing.assert_allclose(theta, expected, rtol=1e-14)


def test_proximal_step_of_the_mean_divides_by_the_size_of_each_array():
    theta = THETA.copy()
    built(L1, strength=3.0, proximal=True, reduce="mean", biases=True).project(theta, 2.0)
    parts = [(slice(0, 6), 1.0), (slice(6, 8), 3.0), (slice(8, 12), 1.5), (slice(12, 14), 3.0)]
    np.testing.assert_allclose(theta, np.concatenate([shrunk(THETA[part], t) for part, t in parts]), rtol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_proximal_step_makes_small_weights_exactly_zero(dtype):
    theta = np.random.default_rng(0).normal(size=14).astype(dtype)
    before = theta.copy()
    penalty = built(L1, strength=1.0, proximal=True, biases=True)
    penalty.project(theta, 0.5)
    assert theta.dtype == dtype
    assert np.array_equal(theta == 0, abs(before) <= 0.5)
    assert 0 < (theta == 0).sum() < 14


def test_proximal_descent_finds_the_exact_zeros_of_a_lasso_where_the_subgradient_does_not():
    """Minimise ½ Σ (w − c)² + 0.5 Σ |w|, whose solution is c shrunk by 0.5."""
    c = np.array([2.0, -0.3, 0.4, -1.0, 0.45, 0.1])
    slots = [Part(slice(0, 6), False)]
    proximal, plain = L1(strength=0.5, proximal=True), L1(strength=0.5)
    w, hovering, grad = np.ones(6), np.ones(6), np.empty(6)
    for penalty in (proximal, plain):
        penalty.build(slots)
    for _ in range(300):
        w -= 0.1 * (w - c)
        proximal.project(w, 0.1)
        grad[...] = hovering - c
        plain.add_gradient(hovering, grad)
        hovering -= 0.1 * grad
    np.testing.assert_allclose(w, shrunk(c, 0.5), atol=1e-12)
    assert (w == 0).tolist() == [False, True, True, False, True, True]
    assert (hovering != 0).all()


def test_only_proximal_l1_is_proximal():
    penalties = (L1(strength=1, proximal=True), L1(strength=1), L2(strength=1))
    assert [penalty.is_proximal for penalty in penalties] == [True, False, False]
