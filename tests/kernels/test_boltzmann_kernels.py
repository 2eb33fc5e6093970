"""Sums of softplus, and the likelihoods made of them, against NumPy's logaddexp in float64."""

import numpy as np
import pytest

from mnistnn.kernels.boltzmann import bernoulli_nll, softplus_sums, total_bernoulli_nll

SHAPES = [(1, 1), (5, 7), (3, 8), (4, 29), (20, 500), (1, 15_681)]


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def normal(shape, dtype, scale=3.0):
    return (scale * np.random.default_rng(0).normal(size=shape)).astype(dtype)


def sums_of(a):
    out = np.full(len(a), np.nan, a.dtype)
    softplus_sums(a.copy(), np.full_like(a, np.nan), out)
    return out


def expected_sums(a):
    return np.logaddexp(0.0, a.astype("float64")).sum(axis=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_those_of_softplus(shape, dtype):
    a = normal(shape, dtype)
    np.testing.assert_allclose(sums_of(a), expected_sums(a), rtol=16 * np.finfo(dtype).eps)


@pytest.mark.parametrize("value", [0.0, 17.0, 100.0, 1e4, 1e30])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_sums_of_extremes_lose_no_more_than_their_last_digits(value, sign, dtype):
    a = np.full((2, 61), sign * value, dtype)
    rounding = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(sums_of(a), expected_sums(a), rtol=rounding, atol=61 * rounding)


def test_sums_of_the_largest_factors_do_not_overflow(dtype):
    a = np.zeros((1, 100_000), dtype)  # each is log 2
    np.testing.assert_allclose(sums_of(a), 100_000 * np.log(2), rtol=1e-6)


def test_numbers_that_are_none_stay_none(dtype):
    a = normal((3, 20), dtype)
    a[1, 4] = np.nan
    assert np.isnan(sums_of(a)).tolist() == [False, True, False]


def test_no_rows_have_no_sums(dtype):
    assert sums_of(np.zeros((0, 9), dtype)).shape == (0,)


@pytest.mark.parametrize("scale", [3.0, 100.0])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("binary", [False, True])
def test_total_is_the_cross_entropy_of_all_pixels_up_to_the_last_digits_of_its_sums(shape, scale, binary, dtype):
    a, v = normal(shape, dtype, scale), np.random.default_rng(1).random(shape).astype(dtype)
    if binary:
        v = v.round()
    both = np.full((shape[0], 2 * shape[1]), np.nan, dtype)
    both[:, : shape[1]] = v
    before = a.copy()
    found = total_bernoulli_nll(both[:, : shape[1]], a, np.empty_like(a), np.empty_like(a))
    exact = a.astype("float64")
    expected, rounding = np.logaddexp(0.0, exact) - v * exact, 4 * np.finfo(dtype).eps
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected.sum(), rtol=rounding, atol=rounding * np.abs(exact).sum())
    assert np.array_equal(a, before)


def test_total_is_the_sum_over_examples(dtype):
    a, v = normal((13, 6), dtype), np.random.default_rng(1).random((13, 6)).astype(dtype)
    each = np.empty(6, dtype)
    bernoulli_nll(v.T.copy(), a.T.copy(), np.empty((6, 13), dtype), each)
    total = total_bernoulli_nll(v, a, np.empty_like(a), np.empty_like(a))
    np.testing.assert_allclose(total, each.sum(), rtol=16 * np.finfo(dtype).eps)
