"""Softmax and its negative log-likelihood against SciPy, in both dtypes and at the ends of their range."""

import numpy as np
import pytest
from scipy import special

from mnistnn.backend.jit import Compiled
from mnistnn.kernels.softmax import softmax, softmax_nll, softmax_nll_in_loops


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def draw(dtype, n=6, k=4, spread=3.0):
    rng = np.random.default_rng(5)
    return rng.normal(0, spread, size=(n, k)).astype(dtype), rng.integers(k, size=n)


def run(z, labels):
    """Return (nll, dz), computed in buffers that hold NaN before."""
    n, k = z.shape
    dz, row, nll = (np.full(shape, np.nan, z.dtype) for shape in ((k, n), (n,), (n,)))
    softmax_nll(z, labels * n + np.arange(n), dz.T, row, nll)
    dz = dz.T
    return nll, dz


@pytest.mark.parametrize("n", [1, 6])
def test_softmax_nll_equals_scipy(n, dtype):
    z, labels = draw(dtype, n)
    exact = special.log_softmax(z.astype("float64"), axis=1)
    nll, dz = run(z, labels)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(nll, -exact[np.arange(n), labels], rtol=16 * eps, atol=4 * eps)
    np.testing.assert_allclose(dz, (np.exp(exact) - np.eye(z.shape[1])[labels]) / n, atol=8 * eps)


def test_softmax_nll_leaves_the_scores_alone(dtype):
    z, labels = draw(dtype)
    z.setflags(write=False)
    run(z, labels)


def test_softmax_nll_keeps_the_dtype(dtype):
    nll, dz = run(*draw(dtype))
    assert nll.dtype == dz.dtype == dtype


def test_softmax_nll_gradient_sums_to_zero_in_each_row(dtype):
    _, dz = run(*draw(dtype))
    np.testing.assert_allclose(dz.sum(axis=1), 0, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("label", [0, 1])
def test_softmax_nll_of_extreme_scores_is_exact(label, dtype):
    z = np.array([[1e4, -1e4]], dtype)
    nll, dz = run(z, np.array([label]))
    assert nll.tolist() == [[0.0, 2e4][label]]
    assert dz.tolist() == [[0.0, 0.0] if label == 0 else [1.0, -1.0]]


def test_softmax_nll_does_not_change_when_all_scores_shift():
    z, labels = draw("float64")
    for found, expected in zip(run(z + 512.0, labels), run(z, labels), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_softmax_equals_scipy(dtype):
    z, _ = draw(dtype)
    p = np.empty_like(z)
    softmax(z, p)
    np.testing.assert_allclose(p, special.softmax(z.astype("float64"), axis=1), atol=8 * np.finfo(dtype).eps)


def test_softmax_may_write_over_its_input(dtype):
    z, _ = draw(dtype)
    apart = np.empty_like(z)
    softmax(z, apart)
    softmax(z, z)
    assert np.array_equal(z, apart)


def test_softmax_of_extreme_scores_is_finite(dtype):
    p = np.array([[1e4, -1e4, 0.0]], dtype)
    softmax(p, p)
    assert p.tolist() == [[1.0, 0.0, 0.0]]


def in_loops(z, labels):
    """Return (nll, dz) of the compiled loops."""
    pytest.importorskip("numba")
    (n, k), compiled = z.shape, Compiled(wanted=True)
    if not compiled.enabled:
        pytest.skip("NUMBA_DISABLE_JIT")
    dz, row, nll = (np.full(shape, np.nan, z.dtype) for shape in ((k, n), (n,), (n,)))
    with compiled.in_use():
        assert softmax_nll_in_loops(z, labels, dz.T, row, nll)
    return nll, dz.T


@pytest.mark.parametrize("k", [1, 2, 10, 47])
@pytest.mark.parametrize("n", [2, 3, 8, 20, 129, 600])
def test_loops_give_the_bits_of_the_array_code(n, k, dtype):
    for spread in (0.1, 3.0, 60.0):
        z, labels = draw(dtype, n, k, spread)
        for given in (z, np.asfortranarray(z)):
            for found, expected in zip(in_loops(given, labels.astype("uint8")), run(z, labels), strict=True):
                assert found.tobytes() == expected.tobytes()


def test_loops_treat_what_is_no_number_as_the_array_code_does(dtype):
    z = np.zeros((5, 3), dtype)
    z[1, 2], z[2, 0], z[3, 1], z[4] = np.nan, np.inf, -np.inf, -0.0
    labels = np.array([0, 2, 0, 1, 2])
    with np.errstate(all="ignore"):
        for found, expected in zip(in_loops(z, labels), run(z, labels), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n", [1, 2049])
def test_loops_leave_the_fewest_and_the_most_examples_to_the_array_code(n, dtype):
    z, labels = draw(dtype, n)
    with Compiled(wanted=True).in_use():
        assert not softmax_nll_in_loops(z, labels, z.copy(), z[:, 0], z[:, 1])
