"""The slides' normalised sigmoids against their formula, and what sets them apart from a softmax."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from mnistnn.kernels.sigmoid_normalized import sigmoid_normalized, sigmoid_normalized_nll
from mnistnn.kernels.softmax import softmax_nll


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def draw(dtype, n=6, k=4, spread=3.0):
    rng = np.random.default_rng(5)
    return rng.normal(0, spread, size=(n, k)).astype(dtype), rng.integers(k, size=n)


def run(z, labels):
    """Return (nll, dz), computed in buffers that hold NaN before."""
    n, k = z.shape
    dz, off, row, nll = (np.full(shape, np.nan, z.dtype) for shape in ((n, k), (n, k), (n, 1), (n,)))
    sigmoid_normalized_nll(z, np.arange(n) * k + labels, dz, off, row, nll)
    return nll, dz


def run_softmax(z, labels):
    n, k = z.shape
    dz, row, nll = (np.empty(shape, z.dtype) for shape in ((k, n), (n,), (n,)))
    softmax_nll(z, labels * n + np.arange(n), dz.T, row, nll)
    dz = dz.T
    return nll, dz


@pytest.mark.parametrize("n", [1, 6])
def test_nll_equals_the_formula_of_the_slides(n, dtype):
    z, labels = draw(dtype, n)
    s = expit(z.astype("float64"))
    p = s / s.sum(axis=1, keepdims=True)
    nll, dz = run(z, labels)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(nll, -np.log(p[np.arange(n), labels]), rtol=16 * eps, atol=8 * eps)
    np.testing.assert_allclose(dz, (1 - s) * (p - np.eye(4)[labels]) / n, atol=16 * eps)


def test_nll_leaves_the_scores_alone_and_keeps_the_dtype(dtype):
    z, labels = draw(dtype)
    z.setflags(write=False)
    nll, dz = run(z, labels)
    assert nll.dtype == dz.dtype == dtype


def test_everything_tends_to_softmax_where_all_scores_are_low():
    z, labels = draw("float64")
    distances = []
    for shift in (0.0, -10.0, -40.0):
        found, expected = run(z + shift, labels), run_softmax(z + shift, labels)
        distances.append(max(abs(one - other).max() for one, other in zip(found, expected, strict=True)))
    assert distances[0] > 0.1
    assert distances[1] < 0.05
    assert distances[2] < 1e-12


def test_initial_gradient_is_half_of_the_softmax():
    z, labels = np.zeros((6, 4)), draw("float64")[1]
    np.testing.assert_allclose(run(z, labels)[1], 0.5 * run_softmax(z, labels)[1], atol=1e-16)


def test_a_shift_of_all_scores_changes_the_loss_unlike_a_softmax():
    z, labels = draw("float64")
    assert abs(run(z + 3.0, labels)[0] - run(z, labels)[0]).max() > 0.1


@pytest.mark.parametrize(
    ("z", "nll", "dz"),
    [
        ([-1e4, 1e4], 1e4, [-1.0, 0.0]),  # the right unit is off, another is on
        ([1e4, 1e4], np.log(2), [0.0, 0.0]),  # all are on: nothing is learned any more
        ([-1e4, -1e4], np.log(2), [-0.5, 0.5]),  # all are off: a softmax
        ([1e4, -1e4], 0.0, [0.0, 0.0]),
    ],
)
def test_extreme_scores_give_exact_results(z, nll, dz, dtype):
    found_nll, found_dz = run(np.array([z], dtype), np.array([0]))
    np.testing.assert_allclose(found_nll, [nll], rtol=2 * np.finfo(dtype).eps)
    np.testing.assert_allclose(found_dz, [dz], atol=np.finfo(dtype).eps)


def test_a_saturated_wrong_label_keeps_its_small_gradient():
    """1 − σ(40) is 4e-18 and vanishes next to 1; the logarithm keeps it."""
    _, dz = run(np.array([[40.0, 40.0]]), np.array([0]))
    np.testing.assert_allclose(dz, [[-0.5 * expit(-40.0), 0.5 * expit(-40.0)]], rtol=1e-12)


def test_probabilities_equal_the_formula_and_may_write_over_their_input(dtype):
    z, _ = draw(dtype)
    s = expit(z.astype("float64"))
    sigmoid_normalized(z, z)
    np.testing.assert_allclose(z, s / s.sum(axis=1, keepdims=True), atol=8 * np.finfo(dtype).eps)


def test_probabilities_of_low_scores_are_those_of_a_softmax():
    z = np.array([[-1000.0, -1001.0, -1003.0]])
    p = np.empty_like(z)
    sigmoid_normalized(z, p)
    np.testing.assert_allclose(p, softmax(z, axis=1), rtol=1e-12)
