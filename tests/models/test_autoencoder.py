"""The autoencoder against its formula, written out here."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from mnistnn.models.autoencoder import Autoencoder

N_IN, UNITS = 6, 4


def autoencoder(dtype: str = "float64", xp: Any = np, **keys: Any) -> Autoencoder:
    model = Autoencoder(hidden=UNITS, **keys)
    assert model.build((2, 3)) == (UNITS,)
    model.allocate(xp, dtype)
    model.initialize(0)
    model.theta[...] = xp.asarray(np.random.default_rng(1).normal(size=model.size).astype(dtype))
    return model


def images(n: int = 5) -> np.ndarray:
    return np.random.default_rng(2).uniform(size=(n, 2, 3))


def decoded(model: Autoencoder, seen: np.ndarray) -> np.ndarray:
    views = model.views(model.theta)
    y = expit(seen.reshape(len(seen), -1) @ views["hidden.W"] + views["hidden.b"])
    found: np.ndarray = y @ (views["hidden.W"].T if model.tied else views["visible.W"]) + views["visible.b"]
    return found


def test_parameters_lie_end_to_end():
    assert [name for name, _ in autoencoder().layout] == ["hidden.W", "hidden.b", "visible.b"]
    assert autoencoder().size == N_IN * UNITS + UNITS + N_IN
    assert [name for name, _ in autoencoder(tied=False).layout][-1] == "visible.W"
    assert autoencoder(tied=False).size == 2 * N_IN * UNITS + UNITS + N_IN


@pytest.mark.parametrize("tied", [True, False])
def test_binary_images_are_reconstructed_by_cross_entropy(tied):
    model, x, seen = autoencoder(tied=tied), images(), images(10)[5:]
    z, flat = expit(decoded(model, seen)), x.reshape(5, -1)
    np.testing.assert_allclose(model.reconstruct(seen), z, rtol=1e-12)
    expected = -(flat * np.log(z) + (1 - flat) * np.log(1 - z)).sum(axis=1)
    np.testing.assert_allclose(model.reconstruction_nll(x, seen), expected, rtol=1e-10)
    again = expit(decoded(model, x))
    expected = -(flat * np.log(again) + (1 - flat) * np.log(1 - again)).sum(axis=1)
    np.testing.assert_allclose(model.reconstruction_nll(x), expected, rtol=1e-10)


@pytest.mark.parametrize("tied", [True, False])
def test_gaussian_images_are_reconstructed_by_squared_error(tied):
    model, x = autoencoder(tied=tied, visible="gaussian"), images()
    a = decoded(model, x)
    np.testing.assert_allclose(model.reconstruct(x), a, rtol=1e-12)
    expected = 0.5 * ((x.reshape(5, -1) - a) ** 2).sum(axis=1) + 0.5 * N_IN * np.log(2 * np.pi)
    np.testing.assert_allclose(model.reconstruction_nll(x), expected, rtol=1e-12)


def test_features_are_what_the_decoder_is_given():
    model, x = autoencoder(dtype="float32"), images()
    features = model.features()
    assert features["W"].dtype == features["b"].dtype == np.float64
    y = expit(x.reshape(5, -1) @ features["W"] + features["b"])
    np.testing.assert_allclose(expit(y @ features["W"].T + model.b_v), model.reconstruct(x), rtol=1e-5)


def test_weights_start_as_those_of_sigmoid_units_and_visible_biases_where_the_data_is():
    model = Autoencoder(hidden=UNITS, visible_bias="data", tied=False)
    model.build((2, 3))
    model.allocate(np, "float64")
    model.initialize(0)
    limit = 4 * np.sqrt(6 / (N_IN + UNITS))
    for W in (model.W, model.W_back):
        assert 0.5 * limit < np.abs(W).max() <= limit
    assert not model.b_h.any()
    assert not model.b_v.any()
    means = np.array([0.0, 0.2, 0.5, 0.7, 1.0, 0.9])
    model.begin_at(means)
    np.testing.assert_allclose(expit(model.b_v), means.clip(0.001, 0.999), rtol=1e-12)
