"""The restricted Boltzmann machine against sums over all of its states, written out here."""

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from mnistnn.models.rbm import RBM

N_IN, UNITS = 6, 4
V = np.array(list(itertools.product([0.0, 1.0], repeat=N_IN)))
H = np.array(list(itertools.product([0.0, 1.0], repeat=UNITS)))


def rbm(dtype: str = "float64", xp: Any = np, **keys: Any) -> RBM:
    model = RBM(hidden=UNITS, **keys)
    assert model.build((2, 3)) == (UNITS,)
    model.allocate(xp, dtype)
    model.initialize(0)
    rng = np.random.default_rng(1)
    model.theta[...] = xp.asarray(rng.normal(size=model.size).astype(dtype))
    return model


def minus_energies(model: RBM, v: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Return b_v'v + b_h'h + v'W h of each v with each h."""
    own = -0.5 * ((v - model.b_v) ** 2).sum(axis=1) if model.is_gaussian else v @ model.b_v
    found: np.ndarray = own[:, None] + (h @ model.b_h)[None] + v @ model.W @ h.T
    return found


def images(n: int = 5, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(2).uniform(size=(n, 2, 3)).astype(dtype)


def test_parameters_lie_end_to_end():
    model = rbm(centred=True)
    assert [name for name, _ in model.layout] == ["hidden.W", "hidden.b", "visible.b", "visible.mean", "hidden.mean"]
    assert model.size == N_IN * UNITS + UNITS + N_IN
    assert model.values.size == model.size + N_IN + UNITS


def test_weights_start_as_those_of_sigmoid_units_and_biases_at_zero():
    model = RBM(hidden=UNITS)
    model.build((2, 3))
    model.allocate(np, "float64")
    model.initialize(0)
    limit = 4 * np.sqrt(6 / (N_IN + UNITS))
    assert 0.5 * limit < np.abs(model.W).max() <= limit
    assert not model.b_h.any()
    assert not model.b_v.any()


@pytest.mark.parametrize("visible", ["binary", "gaussian"])
def test_free_energy_is_minus_the_log_of_the_sum_over_hidden_states(visible):
    model, v = rbm(visible=visible), images()
    expected = -logsumexp(minus_energies(model, v.reshape(5, -1), H), axis=1)
    np.testing.assert_allclose(model.free_energy(v), expected, rtol=1e-12)


@pytest.mark.parametrize("visible", ["binary", "gaussian"])
def test_hidden_units_have_the_conditional_probabilities_of_the_joint_distribution(visible):
    model, v = rbm(visible=visible), images()
    joint = minus_energies(model, v.reshape(5, -1), H)
    p = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(model.hidden_probabilities(v), p @ H, rtol=1e-12)


def test_visible_units_have_the_conditional_probabilities_of_the_joint_distribution():
    model = rbm()
    joint = minus_energies(model, V, H)
    p = np.exp(joint - logsumexp(joint, axis=0, keepdims=True))  # (v, h): P(v | h)
    np.testing.assert_allclose(model.visible_means(H), p.T @ V, rtol=1e-12)


def test_gaussian_units_have_their_means():
    model = rbm(visible="gaussian")
    np.testing.assert_allclose(model.visible_means(H), H @ model.W.T + model.b_v, rtol=1e-12)


def test_reconstruction_is_the_cross_entropy_with_what_the_features_give_back():
    model, v = rbm(), images()
    flat = v.reshape(5, -1)
    p = expit(expit(flat @ model.W + model.b_h) @ model.W.T + model.b_v)
    expected = -(flat * np.log(p) + (1 - flat) * np.log(1 - p)).sum(axis=1)
    np.testing.assert_allclose(model.reconstruction_nll(v), expected, rtol=1e-10)


def test_reconstruction_of_gaussian_units_is_their_log_density():
    model, v = rbm(visible="gaussian"), images()
    flat = v.reshape(5, -1)
    mean = expit(flat @ model.W + model.b_h) @ model.W.T + model.b_v
    expected = 0.5 * ((flat - mean) ** 2).sum(axis=1) + 0.5 * N_IN * np.log(2 * np.pi)
    np.testing.assert_allclose(model.reconstruction_nll(v), expected, rtol=1e-12)


def test_pixel_likelihood_is_that_of_the_pixel_given_all_others():
    model = rbm()
    pixels = np.arange(len(V)) % N_IN
    flipped = V.copy()
    flipped[np.arange(len(V)), pixels] = 1 - flipped[np.arange(len(V)), pixels]
    log_p = logsumexp(minus_energies(model, V, H), axis=1)
    log_flipped = logsumexp(minus_energies(model, flipped, H), axis=1)
    expected = np.logaddexp(log_p, log_flipped) - log_p
    np.testing.assert_allclose(model.pixel_nll(V, pixels), expected, rtol=1e-10, atol=1e-12)


def test_pseudo_likelihood_is_the_sum_over_all_pixels():
    model = rbm()
    expected = sum(model.pixel_nll(V, np.full(len(V), i)) for i in range(N_IN))
    np.testing.assert_allclose(model.pixels_nll(V), expected, rtol=1e-10)


def test_pixel_likelihood_rounds_grey_pixels():
    model, grey = rbm(), np.array([[0.2, 0.9, 0.51, 0.49, 0.0, 1.0]])
    np.testing.assert_array_equal(model.pixel_nll(grey, np.array([2])), model.pixel_nll(grey.round(), np.array([2])))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("visible", ["binary", "gaussian"])
def test_everything_has_one_dtype_and_extremes_are_finite(visible, dtype):
    model = rbm(dtype, visible=visible)
    for v in (images(dtype=dtype), 1e3 * images(dtype=dtype)):
        found = [model.free_energy(v), model.hidden_probabilities(v), model.reconstruction_nll(v)]
        assert {array.dtype for array in found} == {np.dtype(dtype)}
        assert all(np.isfinite(array).all() for array in found)


def test_pixel_likelihood_takes_what_is_known_of_binary_pixels():
    model, pixels = rbm(), np.arange(len(V)) % N_IN
    known = V @ model.W + model.b_h
    before = known.copy()
    np.testing.assert_allclose(model.pixel_nll(V, pixels, known), model.pixel_nll(V, pixels), rtol=1e-12)
    assert np.array_equal(known, before)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_pixel_likelihood_keeps_its_digits_in_float32_and_is_finite(scale):
    of = {dtype: rbm(dtype) for dtype in ("float32", "float64")}
    for model in of.values():
        model.theta *= scale
    pixels = np.arange(len(V)) % N_IN
    found, expected = (of[dtype].pixel_nll(V.astype(dtype), pixels) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * scale)


def test_input_is_only_read():
    model, v = rbm(), images()
    v.setflags(write=False)
    model.free_energy(v), model.hidden_probabilities(v), model.reconstruction_nll(v)
    model.pixel_nll(v.reshape(5, -1), np.zeros(5, "int64"))


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("visible", ["binary", "gaussian"])
def test_an_rbm_may_start_at_the_means_of_the_images(visible, centred):
    """With hidden units at their means (a half), visible ones are at theirs."""
    model, means = rbm(visible=visible, visible_bias="data", centred=centred), np.linspace(0.1, 0.9, N_IN)
    model.initialize(0)
    model.begin_at(means)
    if centred:
        np.testing.assert_allclose(model.visible_means(np.full((1, UNITS), 0.5))[0], means, rtol=1e-10)
        np.testing.assert_allclose(model.hidden_probabilities(means[None]), 0.5, rtol=1e-10)
        assert np.array_equal(model.v_mean, means)
    else:
        np.testing.assert_allclose(model.visible_means(np.zeros((1, UNITS)))[0], means, rtol=1e-10)


def test_an_rbm_starts_at_zero_unless_it_is_told_to():
    model = rbm()
    model.initialize(0)
    model.begin_at(np.linspace(0.1, 0.9, N_IN))
    assert not model.b_v.any()


def test_pixels_that_are_never_white_start_at_finite_biases():
    model = rbm(visible_bias="data")
    model.initialize(0)
    model.begin_at(np.array([0.0, 1.0, 0.5, 0.0, 0.0, 1.0]))
    assert np.isfinite(model.b_v).all()


def log_p(model: RBM, sign: float) -> np.ndarray:
    """Return log P(v) of all states v, with P(v, h) ∝ exp(sign · (b_v'v + b_h'h + v'W h)): the slides have −1."""
    joint = sign * minus_energies(model, V, H)
    result: np.ndarray = logsumexp(joint, axis=1) - logsumexp(joint)
    return result


def test_model_of_the_slides_is_ours_with_all_parameters_turned_over():
    model = rbm()
    ours, p_h, p_v = log_p(model, 1.0), model.hidden_probabilities(V).copy(), model.visible_means(H).copy()
    model.theta *= -1
    np.testing.assert_allclose(log_p(model, -1.0), ours, rtol=1e-10)
    np.testing.assert_allclose(1 - model.hidden_probabilities(V), p_h, rtol=1e-9)  # σ(−(b_h + vW)), with theirs
    np.testing.assert_allclose(1 - model.visible_means(H), p_v, rtol=1e-9)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_gradient_of_the_slides_belongs_to_the_other_sign_than_their_distribution(sign):
    """⟨vh⟩_data − ⟨vh⟩_model is the slope of log P of an image with our sign, and minus it with theirs."""
    model, v, step = rbm(), V[37:38], 1e-6
    p = np.exp(log_p(model, sign))
    of_data = v.T @ expit(sign * (v @ model.W + model.b_h))
    slides = of_data - V.T * p @ expit(sign * (V @ model.W + model.b_h))
    slope = np.empty_like(slides)
    for i, j in np.ndindex(*slope.shape):
        model.W[i, j] += step
        above = log_p(model, sign)[37]
        model.W[i, j] -= 2 * step
        slope[i, j] = (above - log_p(model, sign)[37]) / (2 * step)
        model.W[i, j] += step
    np.testing.assert_allclose(slope, sign * slides, atol=1e-7)
