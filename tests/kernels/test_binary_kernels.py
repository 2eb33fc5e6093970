"""Binary logistic regression against SciPy."""

import numpy as np
import pytest
from scipy.special import expit, log_expit

from mnistnn.kernels.binary import binary_nll


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def run(z, t):
    """Return (nll, dz), computed in buffers that hold NaN before."""
    nll, dz = np.full_like(z, np.nan), np.full_like(z, np.nan)
    binary_nll(z, t, dz, nll)
    return nll, dz


def draw(dtype, n=9):
    rng = np.random.default_rng(5)
    return rng.normal(0, 4, size=n).astype(dtype), rng.integers(2, size=n).astype(dtype)


@pytest.mark.parametrize("n", [1, 9])
def test_binary_nll_equals_scipy(n, dtype):
    z, t = draw(dtype, n)
    exact, eps = z.astype("float64"), np.finfo(dtype).eps
    nll, dz = run(z, t)
    np.testing.assert_allclose(nll, -np.where(t == 1, log_expit(exact), log_expit(-exact)), rtol=8 * eps, atol=8 * eps)
    np.testing.assert_allclose(dz, (expit(exact) - t) / n, atol=2 * eps)


def test_binary_nll_leaves_its_inputs_alone_and_keeps_the_dtype(dtype):
    z, t = draw(dtype)
    z.setflags(write=False)
    t.setflags(write=False)
    nll, dz = run(z, t)
    assert nll.dtype == dz.dtype == dtype


def test_binary_nll_of_extreme_scores_is_exact(dtype):
    nll, dz = run(np.array([1e4, 1e4, -1e4, -1e4], dtype), np.array([1, 0, 1, 0], dtype))
    assert nll.tolist() == [0, 1e4, 1e4, 0]
    assert dz.tolist() == [0, 0.25, -0.25, 0]
