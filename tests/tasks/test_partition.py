"""log Z by enumeration against sums written out here, and annealed importance sampling against enumeration."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import logsumexp as scipy_logsumexp

from mnistnn.tasks.ais import (
    RBMPath,
    annealed,
    annealed_in_reverse,
    base_biases,
    log_mean_exp,
    path_of,
    temperatures,
)
from mnistnn.tasks.partition import BoltzmannParameters, RBMParameters, enumerated, logsumexp, softplus, states


def rbm(n_in, units, is_gaussian=False, scale=0.5, seed=0):
    rng = np.random.default_rng(seed)
    return RBMParameters(
        scale * rng.normal(size=(n_in, units)),
        scale * rng.normal(size=units),
        scale * rng.normal(size=n_in),
        is_gaussian,
    )


def general(units, n_in, scale):
    rng = np.random.default_rng(0)
    W = np.triu(scale * rng.normal(size=(units, units)), 1)
    return BoltzmannParameters(W + W.T, scale * rng.normal(size=units), n_in)


def all_states(units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=units)))


def by_brute_force(m):
    """log Σ_v,h exp(b_v'v + b_h'h + v'W h)."""
    v, h = all_states(len(m.b_v)), all_states(len(m.b_h))
    return float(scipy_logsumexp((v @ m.b_v)[:, None] + (h @ m.b_h)[None] + v @ m.W @ h.T))


@pytest.mark.parametrize(("n_in", "units"), [(5, 3), (3, 5), (1, 1), (6, 6)])
def test_enumeration_is_the_sum_over_all_states(n_in, units):
    m = rbm(n_in, units)
    found = enumerated(m)
    assert found is not None
    assert found.value == pytest.approx(by_brute_force(m), rel=1e-12)
    assert found.low == found.value == found.high


def test_both_sides_give_the_same_sum():
    """21 hidden units are too many, 6 visible ones are not."""
    m = rbm(6, 21)
    by_visible = enumerated(m)
    assert by_visible is not None
    by_hidden = logsumexp(np.array([logsumexp(m.log_weight_of_hidden(h)) for h in states(21)]))
    assert by_visible.value == pytest.approx(by_hidden, rel=1e-12)


def test_two_large_sides_are_not_enumerated():
    assert enumerated(rbm(21, 21)) is None
    assert enumerated(rbm(4, 21, is_gaussian=True)) is None


@pytest.mark.parametrize("units", [0, 1, 5, 13])
def test_states_are_all_states(units):
    found = np.concatenate(list(states(units)))
    assert found.shape == (2**units, units)
    assert len(np.unique(found, axis=0)) == 2**units


def test_gaussian_rbm_integrates_to_one():
    """On a fine grid of one visible unit."""
    m = rbm(1, 3, is_gaussian=True)
    found = enumerated(m)
    assert found is not None
    v = np.linspace(-12, 12, 20_001)
    total = np.exp(-m.free_energy(v[:, None]) - found.value).sum() * (v[1] - v[0])
    assert total == pytest.approx(1.0, rel=1e-9)


def test_free_energy_is_the_sum_over_hidden_states():
    m = rbm(5, 4)
    v, h = all_states(5), all_states(4)
    expected = -scipy_logsumexp((v @ m.b_v)[:, None] + (h @ m.b_h)[None] + v @ m.W @ h.T, axis=1)
    np.testing.assert_allclose(m.free_energy(v), expected, rtol=1e-12)


@pytest.mark.parametrize("is_gaussian", [False, True])
def test_slides_sign_with_flipped_parameters_is_the_same_distribution(is_gaussian):
    """P ∝ exp(−v'Wh − b_v'v − b_h'h), as the slides write it, with −W, −b_v, −b_h."""
    m = rbm(4, 3)
    v, h = all_states(4), all_states(3)
    theirs = -(v @ -m.b_v)[:, None] - (h @ -m.b_h)[None] - v @ -m.W @ h.T
    ours = enumerated(m)
    assert ours is not None
    np.testing.assert_allclose(
        scipy_logsumexp(theirs, axis=1) - scipy_logsumexp(theirs), -m.free_energy(v) - ours.value, rtol=1e-10
    )


def watch(done, most):
    assert 1 <= done <= most


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("is_gaussian", [False, True])
def test_annealing_comes_within_a_tenth_of_a_nat_of_enumeration(is_gaussian, dtype):
    m = rbm(20, 8, is_gaussian, scale=0.3)
    exact = enumerated(m)
    assert exact is not None
    path = RBMPath(m, base_biases(np.full(20, 0.4), is_gaussian), np.random.default_rng(1), dtype)
    found = annealed(path, temperatures(1000), 100, watch)
    assert found.value == pytest.approx(exact.value, abs=0.1)
    assert found.low <= exact.value <= found.high
    back = annealed_in_reverse(path, temperatures(1000), path.start(100), 200, watch)
    assert back.value == pytest.approx(exact.value, abs=0.1)
    assert back.low <= exact.value <= back.high


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_in", [4, 14])
def test_annealing_comes_as_near_for_a_boltzmann_machine(n_in, dtype):
    m = general(14, n_in, scale=0.4)
    exact = enumerated(m)
    assert exact is not None
    path = path_of(m, np.full(n_in, 0.4), np.random.default_rng(1), dtype)
    found = annealed(path, temperatures(500), 100, watch)
    assert found.value == pytest.approx(exact.value, abs=0.1)
    assert found.low <= exact.value <= found.high
    back = annealed_in_reverse(path, temperatures(500), path.start(100)[:, :n_in], 100, watch)
    assert back.value == pytest.approx(exact.value, abs=0.1)
    assert back.low <= exact.value <= back.high


def test_boltzmann_machine_is_enumerated_up_to_twenty_units():
    m = general(5, 3, scale=1.0)
    x = all_states(5)
    found = enumerated(m)
    assert found is not None
    assert found.value == pytest.approx(scipy_logsumexp(x @ m.b + 0.5 * ((x @ m.W) * x).sum(axis=1)), rel=1e-12)
    assert enumerated(general(21, 21, scale=1.0)) is None


def test_annealing_is_exact_for_an_rbm_without_weights():
    """Whatever the biases: each step of weight is then the same function of v."""
    m = RBMParameters(np.zeros((6, 3)), np.zeros(3), np.zeros(6), False)
    path = RBMPath(m, np.zeros(6), np.random.default_rng(0), "float64")
    assert annealed(path, temperatures(10), 5, watch).value == pytest.approx(9 * math.log(2), rel=1e-12)


@pytest.mark.parametrize("count", [3, 29, 1000, 14_500])
def test_temperatures_rise_from_0_to_1(count):
    betas = temperatures(count)
    assert (betas[0], betas[-1]) == (0.0, 1.0)
    assert (np.diff(betas) > 0).all()
    assert len(betas) == count + 1


def test_interval_is_of_three_standard_errors():
    mean, low, high = log_mean_exp(np.log([1.0, 2.0, 3.0]))
    error = 3 * 1.0 / math.sqrt(3)
    assert mean == pytest.approx(math.log(2))
    assert high == pytest.approx(math.log(2 + error))
    assert low == pytest.approx(math.log(2 - error))
    assert log_mean_exp(np.array([0.0, 100.0]))[1] == -math.inf


def test_helpers_overflow_for_no_number():
    assert softplus(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, math.log(2), 1e4]
    assert logsumexp(np.array([1e4, 1e4])) == pytest.approx(1e4 + math.log(2))
