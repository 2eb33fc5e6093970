"""Squared error against a loop over single outputs."""

import numpy as np
import pytest

from mnistnn.kernels.squared_error import squared_error


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def draw(dtype, n=5, k=3):
    rng = np.random.default_rng(5)
    return rng.normal(size=(n, k)).astype(dtype), rng.integers(k, size=n)


def run(y, labels):
    """Return (error, dy), computed in buffers that hold NaN before."""
    n, k = y.shape
    dy, square, error = (np.full(shape, np.nan, y.dtype) for shape in ((n, k), (n, k), (n,)))
    squared_error(y, np.arange(n) * k + labels, dy, square, error)
    return error, dy


@pytest.mark.parametrize("n", [1, 5])
def test_squared_error_equals_a_loop(n, dtype):
    y, labels = draw(dtype, n)
    expected_error, expected_dy = np.zeros(n), np.zeros((n, 3))
    for i in range(n):
        for j in range(3):
            distance = float(y[i, j]) - (1.0 if labels[i] == j else 0.0)
            expected_error[i] += distance**2
            expected_dy[i, j] = 2 * distance / n
    error, dy = run(y, labels)
    np.testing.assert_allclose(error, expected_error, rtol=16 * np.finfo(dtype).eps)
    np.testing.assert_allclose(dy, expected_dy, atol=8 * np.finfo(dtype).eps)


def test_squared_error_leaves_the_outputs_alone_and_keeps_the_dtype(dtype):
    y, labels = draw(dtype)
    y.setflags(write=False)
    error, dy = run(y, labels)
    assert error.dtype == dy.dtype == dtype


def test_squared_error_of_the_target_is_zero(dtype):
    error, dy = run(np.eye(3, dtype=dtype), np.arange(3))
    assert not error.any()
    assert not dy.any()
