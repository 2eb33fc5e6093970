"""Batch normalisation against its formula, and its gradient against differences."""

import numpy as np
import pytest

from mnistnn.kernels.batch_norm import batch_norm, batch_norm_backward, normalize

FEATURES, M, EPSILON = 3, 7, 1e-3
each_m = pytest.mark.parametrize("m", [1, 2, M])


def draw(*shapes):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape) for shape in shapes]


def by_formula(x, gamma, beta):
    """Return y, one number at a time."""
    y = np.empty_like(x)
    for f, row in enumerate(x):
        mean = sum(row) / len(row)
        variance = sum((value - mean) ** 2 for value in row) / len(row)
        y[f] = [gamma[f] * (value - mean) / np.sqrt(variance + EPSILON) + beta[f] for value in row]
    return y


def normalized(x, gamma, beta):
    """Return y, normal, mean and variance."""
    x_hat, y = np.full_like(x, np.nan), np.full_like(x, np.nan)
    mean, variance = np.full_like(gamma, np.nan), np.full_like(gamma, np.nan)
    batch_norm(x, gamma, beta, EPSILON, x_hat, y, mean, variance)
    return y, x_hat, mean, variance


@each_m
def test_batch_norm_is_its_formula(m):
    x, gamma, beta = draw((FEATURES, m), FEATURES, FEATURES)
    y, _, mean, variance = normalized(x, gamma, beta)
    np.testing.assert_allclose(y, by_formula(x, gamma, beta), atol=1e-13)
    np.testing.assert_allclose(mean, x.mean(axis=1), atol=1e-14)
    np.testing.assert_allclose(variance, x.var(axis=1), atol=1e-14)


def test_mean_and_spread_are_those_asked_for():
    x, _ = draw((FEATURES, 1000), 1)
    gamma, beta = np.array([0.5, 1.0, -2.0]), np.array([-1.0, 0.0, 3.0])
    y = normalized(100 * x + 7, gamma, beta)[0]
    np.testing.assert_allclose(y.mean(axis=1), beta, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=1), abs(gamma), rtol=1e-6)


def test_feature_that_does_not_vary_becomes_beta():
    y = normalized(np.full((1, 5), 1e3), np.array([2.0]), np.array([0.25]))[0]
    assert np.array_equal(y, np.full((1, 5), 0.25))


@each_m
def test_gradient_equals_differences(m):
    x, gamma, beta, weights = draw((FEATURES, m), FEATURES, FEATURES, (FEATURES, m))

    def value():
        return (by_formula(x, gamma, beta) * weights).sum()

    _, x_hat, _, variance = normalized(x, gamma, beta)
    dgamma, dbeta, dx = np.full_like(gamma, np.nan), np.full_like(beta, np.nan), np.full_like(x, np.nan)
    batch_norm_backward(weights, x_hat, variance, gamma, EPSILON, dgamma, dbeta, dx)
    for at, analytic in ((x, dx), (gamma, dgamma), (beta, dbeta)):
        for index in np.ndindex(at.shape):
            middle, values = at[index], []
            for step in (1e-5, -1e-5):
                at[index] = middle + step
                values.append(value())
            at[index] = middle
            assert analytic[index] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-6, abs=1e-8)


def test_normalize_takes_the_mean_and_the_variance_that_are_given():
    x, gamma, beta, mean, variance = draw((FEATURES, M), FEATURES, FEATURES, FEATURES, FEATURES)
    variance, y = variance**2, np.full_like(x, np.nan)
    normalize(x, gamma, beta, EPSILON, mean, variance, y)
    columns = (array[:, None] for array in (gamma, mean, variance, beta))
    g, of_all, v, b = columns
    np.testing.assert_allclose(y, g * (x - of_all) / np.sqrt(v + EPSILON) + b, atol=1e-13)


def test_kernels_stay_in_float32_and_leave_their_inputs_alone():
    x, gamma, beta = (array.astype("float32") for array in draw((FEATURES, M), FEATURES, FEATURES))
    for array in (x, gamma, beta):
        array.setflags(write=False)
    y, x_hat, mean, variance = normalized(x, gamma, beta)
    dgamma, dbeta, dx = np.empty_like(gamma), np.empty_like(beta), np.empty_like(x)
    batch_norm_backward(x, x_hat, variance, gamma, EPSILON, dgamma, dbeta, dx)
    out = np.empty_like(x)
    normalize(x, gamma, beta, EPSILON, mean, variance, out)
    assert {a.dtype for a in (y, x_hat, mean, variance, dgamma, dbeta, dx, out)} == {np.dtype("float32")}
    np.testing.assert_allclose(out, y, rtol=1e-5, atol=1e-6)
