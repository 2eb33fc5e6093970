"""The Boltzmann machine against sums over all of its states, written out here."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from mnistnn.models.boltzmann import Boltzmann

N_IN = 6
each_size = pytest.mark.parametrize("hidden", [0, 1, 3])


def boltzmann(hidden: int, dtype: str = "float64", xp: Any = np, scale: float = 1.0) -> Boltzmann:
    model = Boltzmann(hidden=hidden)
    assert model.build((2, 3)) == (N_IN + hidden,)
    model.allocate(xp, dtype)
    model.initialize(0)
    model.theta[...] = xp.asarray((scale * np.random.default_rng(1).normal(size=model.size)).astype(dtype))
    return model


def minus_energies(model: Boltzmann, x: np.ndarray) -> np.ndarray:
    """Return b'x + Σ_{i<j} wᵢⱼ xᵢ xⱼ of each state, pair by pair, from the named parameters."""
    values = model.views(model.theta)
    total = x[:, :N_IN] @ values["visible.b"]
    for weight, (i, j) in zip(values["visible.W"], itertools.combinations(range(N_IN), 2), strict=True):
        total = total + weight * x[:, i] * x[:, j]
    if model.hidden:
        h = x[:, N_IN:]
        total = total + h @ values["hidden.b"] + ((x[:, :N_IN] @ values["hidden.W"]) * h).sum(axis=1)
        for weight, (i, j) in zip(values["hidden.pairs"], itertools.combinations(range(model.hidden), 2), strict=True):
            total = total + weight * h[:, i] * h[:, j]
    return np.asarray(total)


def states(count: int) -> np.ndarray:
    return np.array(list(itertools.product([0.0, 1.0], repeat=count)))


@each_size
def test_there_is_one_parameter_for_each_pair_and_each_unit(hidden):
    units = N_IN + hidden
    assert boltzmann(hidden).size == units * (units - 1) // 2 + units


@each_size
def test_connections_are_symmetric_and_none_leads_to_the_unit_itself(hidden):
    model = boltzmann(hidden)
    W, b = model.connections()
    assert np.array_equal(W, W.T)
    assert not np.diag(W).any()
    x = states(N_IN + hidden)
    np.testing.assert_allclose(x @ b + 0.5 * ((x @ W) * x).sum(axis=1), minus_energies(model, x), rtol=1e-12)


@each_size
def test_gradient_goes_where_the_connections_come_from(hidden):
    """Each pair and each unit has a number of its own, so what is written there is found there again."""
    model = boltzmann(hidden)
    W, b = (array.copy() for array in model.connections())
    model.write_gradient(W, b)
    np.testing.assert_array_equal(model.grad, model.theta)


@each_size
def test_free_energy_is_minus_the_log_of_the_sum_over_hidden_states(hidden, monkeypatch):
    monkeypatch.setattr("mnistnn.models.boltzmann._AT_ONCE", 20)  # several blocks of images
    model = boltzmann(hidden)
    v, h = np.random.default_rng(2).uniform(size=(9, 2, 3)), states(hidden)
    expected = [
        -logsumexp(minus_energies(model, np.hstack([np.tile(row.reshape(1, -1), (len(h), 1)), h]))) for row in v
    ]
    np.testing.assert_allclose(model.free_energy(v), expected, rtol=1e-12)


@each_size
def test_free_energy_of_large_parameters_does_not_overflow(hidden):
    model = boltzmann(hidden, dtype="float32", scale=100.0)
    assert np.isfinite(model.free_energy(states(N_IN).astype("float32").reshape(-1, 2, 3))).all()


@each_size
def test_pixels_have_the_conditional_probabilities_of_the_joint_distribution(hidden):
    model, v = boltzmann(hidden), states(N_IN)
    log_p = -np.asarray(model.free_energy(v.reshape(-1, 2, 3)))
    place = {tuple(row): number for number, row in enumerate(v)}
    expected = np.zeros((len(v), N_IN))
    for number, row in enumerate(v):
        for i in range(N_IN):
            other = row.copy()
            other[i] = 1.0 - other[i]
            expected[number, i] = np.logaddexp(log_p[number], log_p[place[tuple(other)]]) - log_p[number]
    pixels = np.arange(len(v)) % N_IN
    np.testing.assert_allclose(model.pixel_nll(v.copy(), pixels), expected[np.arange(len(v)), pixels], rtol=1e-9)
    np.testing.assert_allclose(model.pixels_nll(v), expected.sum(axis=1), rtol=1e-9)


def test_pixels_of_a_fully_visible_boltzmann_machine_follow_the_others_by_a_sigmoid():
    model, v = boltzmann(0), states(N_IN)
    W, b = model.connections()
    p = expit(v @ W + b)
    expected = -(v * np.log(p) + (1 - v) * np.log(1 - p)).sum(axis=1)
    np.testing.assert_allclose(model.pixels_nll(v), expected, rtol=1e-9)


def test_images_are_borrowed():
    model, v = boltzmann(2), states(N_IN)
    v.setflags(write=False)
    model.pixel_nll(v, np.zeros(len(v), dtype=int))
    model.free_energy(v)


@each_size
def test_weights_start_small_and_biases_at_zero_or_where_the_data_is(hidden):
    model = Boltzmann(hidden=hidden, visible_bias="data")
    model.build((2, 3))
    model.allocate(np, "float64")
    model.initialize(0)
    values = model.views(model.theta)
    assert not values["visible.b"].any()
    assert 0 < np.abs(model.connections()[0]).max() < 0.06
    means = np.array([0.0, 0.2, 0.5, 0.7, 1.0, 0.9])
    model.begin_at(means)
    np.testing.assert_allclose(expit(values["visible.b"]), means.clip(0.001, 0.999), rtol=1e-12)
