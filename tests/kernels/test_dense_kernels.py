"""The affine map and its gradients against loops over single numbers."""

import numpy as np
import pytest

from mnistnn.kernels.dense import dense, dense_backward, limit_columns

SIZES = [(4, 3, 2), (1, 3, 2), (4, 1, 2), (4, 3, 1), (1, 1, 1)]  # n, n_in, units


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def draw(dtype, *shapes):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def tolerance(dtype):
    return 32 * np.finfo(dtype).eps


def affine_by_loops(x, W, b):
    z = np.zeros((len(x), len(b)))
    for i in range(len(x)):
        for j in range(len(b)):
            z[i, j] = float(b[j]) + sum(float(x[i, m]) * float(W[m, j]) for m in range(len(W)))
    return z


def gradients_by_loops(dz, x, W):
    dW, db, dx = np.zeros(W.shape), np.zeros(W.shape[1]), np.zeros(x.shape)
    for i in range(len(x)):
        for j in range(W.shape[1]):
            db[j] += dz[i, j]
            for m in range(len(W)):
                dW[m, j] += float(x[i, m]) * float(dz[i, j])
                dx[i, m] += float(dz[i, j]) * float(W[m, j])
    return dW, db, dx


@pytest.mark.parametrize(("n", "n_in", "units"), SIZES)
def test_dense_equals_loops(n, n_in, units, dtype):
    x, W, b = draw(dtype, (n, n_in), (n_in, units), (units,))
    z = np.full((n, units), np.nan, dtype)
    dense(x, W, b, z)
    np.testing.assert_allclose(z, affine_by_loops(x, W, b), atol=tolerance(dtype))


@pytest.mark.parametrize(("n", "n_in", "units"), SIZES)
def test_dense_backward_equals_loops(n, n_in, units, dtype):
    x, W, dz = draw(dtype, (n, n_in), (n_in, units), (n, units))
    dW, db, dx = np.full_like(W, np.nan), np.full(units, np.nan, dtype), np.full_like(x, np.nan)
    dense_backward(dz, x, W, dW, db, dx)
    for found, expected in zip((dW, db, dx), gradients_by_loops(dz, x, W), strict=True):
        np.testing.assert_allclose(found, expected, atol=tolerance(dtype))


def test_dense_backward_without_dx_gives_the_same_gradients(dtype):
    x, W, dz = draw(dtype, (5, 4), (4, 3), (5, 3))
    with_dx, without = (np.empty_like(W), np.empty(3, dtype)), (np.empty_like(W), np.empty(3, dtype))
    dense_backward(dz, x, W, *with_dx, np.empty_like(x))
    dense_backward(dz, x, W, *without)
    assert np.array_equal(with_dx[0], without[0])
    assert np.array_equal(with_dx[1], without[1])


def test_dense_kernels_leave_their_inputs_alone(dtype):
    x, W, b, dz = draw(dtype, (5, 4), (4, 3), (3,), (5, 3))
    for array in (x, W, b, dz):
        array.setflags(write=False)
    dense(x, W, b, np.empty((5, 3), dtype))
    dense_backward(dz, x, W, np.empty_like(W), np.empty_like(b), np.empty_like(x))


def limited(W, norm):
    W = W.copy()
    limit_columns(W, norm, np.full_like(W, np.nan), np.full(W.shape[1], np.nan, W.dtype))
    return W


def test_limit_columns_equals_a_loop_over_columns(dtype):
    (W,) = draw(dtype, (5, 40))
    expected = [w * min(1.0, 2.0 / np.sqrt(sum(float(v) ** 2 for v in w))) for w in W.T]
    np.testing.assert_allclose(limited(W, 2.0), np.transpose(expected), rtol=tolerance(dtype))


def test_limit_columns_leaves_short_columns_bit_for_bit(dtype):
    (W,) = draw(dtype, (5, 40))
    short = np.linalg.norm(W, axis=0) < 1.99
    assert 0 < short.sum() < 40
    assert np.array_equal(limited(W, 2.0)[:, short], W[:, short])


def test_limit_columns_leaves_a_column_of_zeros(dtype):
    assert not limited(np.zeros((3, 2), dtype), 0.5).any()
