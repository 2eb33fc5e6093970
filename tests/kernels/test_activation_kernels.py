"""Activation kernels against SciPy and plain formulas, in both dtypes and at the ends of their range."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from mnistnn.kernels import activations as kernels

# name → (f(z), f'(z)), both from the definition and not from the output
ORACLES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "linear": (lambda z: z, np.ones_like),
    "sigmoid": (expit, lambda z: expit(z) * expit(-z)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "scaled_tanh": (lambda z: 1.7159 * np.tanh(2 / 3 * z), lambda z: 1.7159 * 2 / 3 / np.cosh(2 / 3 * z) ** 2),
    "relu": (lambda z: np.where(z > 0, z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "leaky_relu": (lambda z: np.where(z > 0, z, z / 100), lambda z: np.where(z > 0, 1.0, 0.01)),
    "softplus": (lambda z: np.logaddexp(z, 0), expit),
}
EXTREMES = np.array([-1e4, -1e2, -1e-30, 0.0, 1e-30, 1e2, 1e4])


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture
def z(dtype):
    return np.random.default_rng(0).normal(0, 2, size=(7, 5)).astype(dtype)


def forward(name, z):
    y = z.copy()
    getattr(kernels, name)(y)
    return y


def backward(name, dy, y):
    dz = dy.copy()
    getattr(kernels, f"{name}_backward")(dz, y.copy())
    return dz


@pytest.mark.parametrize("name", ORACLES)
def test_forward_equals_the_definition(name, z, dtype):
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(forward(name, z), ORACLES[name][0](z.astype("float64")), rtol=8 * eps, atol=eps)


@pytest.mark.parametrize("name", ORACLES)
def test_backward_multiplies_by_the_derivative(name, z, dtype):
    dy = np.random.default_rng(1).normal(size=z.shape).astype(dtype)
    expected = dy * ORACLES[name][1](z.astype("float64"))
    np.testing.assert_allclose(backward(name, dy, forward(name, z)), expected, atol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ORACLES)
def test_backward_equals_central_differences(name):
    z = np.array([-3.0, -0.7, -0.1, 0.2, 1.1, 4.0])
    step = 1e-6
    numeric = (forward(name, z + step) - forward(name, z - step)) / (2 * step)
    np.testing.assert_allclose(backward(name, np.ones_like(z), forward(name, z)), numeric, atol=1e-9)


@pytest.mark.parametrize("name", ORACLES)
def test_extreme_inputs_give_finite_outputs_and_gradients(name, dtype):
    y = forward(name, EXTREMES.astype(dtype))
    assert np.isfinite(y).all()
    assert np.isfinite(backward(name, np.ones_like(y), y)).all()


@pytest.mark.parametrize("name", ORACLES)
def test_dtype_stays(name, z, dtype):
    y = forward(name, z)
    assert y.dtype == dtype
    assert backward(name, np.ones_like(y), y).dtype == dtype


def test_sigmoid_saturates_at_exactly_zero_and_one():
    assert forward("sigmoid", np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]


def test_relu_takes_the_subgradient_zero_at_the_kink():
    assert backward("relu", np.array([5.0, 5.0]), forward("relu", np.array([0.0, -0.0]))).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", ORACLES)
def test_a_nan_stays_a_nan(name):
    assert np.isnan(forward(name, np.array([np.nan]))).all()


def test_leaky_relu_takes_the_slope_below_at_the_kink():
    assert backward("leaky_relu", np.array([5.0]), forward("leaky_relu", np.array([0.0]))).tolist() == [0.05]


def test_scaled_tanh_maps_one_to_one():
    np.testing.assert_allclose(forward("scaled_tanh", np.array([-1.0, 1.0])), [-1, 1], atol=1e-4)


def test_softplus_keeps_its_digits_far_below_zero():
    z = np.array([-30.0, -200.0])
    np.testing.assert_allclose(forward("softplus", z), np.exp(z), rtol=1e-12)
    np.testing.assert_allclose(backward("softplus", np.ones(2), forward("softplus", z)), np.exp(z), rtol=1e-12)


@pytest.mark.parametrize("name", ORACLES)
def test_large_arrays_are_covered_to_the_last_number(name):
    z = np.random.default_rng(2).normal(size=(3, 12_345))  # no multiple of any block
    np.testing.assert_allclose(forward(name, z), ORACLES[name][0](z), rtol=1e-12, atol=1e-15)
