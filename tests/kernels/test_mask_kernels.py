"""Random masks, and the affine map under them against loops over examples."""

import tracemalloc

import numpy as np
import pytest

from mnistnn.backend.rng import UpdateStreams
from mnistnn.kernels.dropconnect import masked_dense, masked_dense_backward
from mnistnn.kernels.dropout import BLOCK, bernoulli

N, N_IN, UNITS = 5, 4, 3


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


def mask(keep, shape=(300, 200), dtype="float32", seed=0):
    drawn = np.full(shape, np.nan, dtype)
    bernoulli(np.random.default_rng(seed), keep, drawn)
    return drawn


@pytest.mark.parametrize("keep", [0.01, 0.5, 0.75, 0.99])
def test_bernoulli_draws_ones_with_the_probability_asked_for(keep, dtype):
    drawn = mask(keep, dtype=dtype)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert abs(drawn.mean() - keep) < 5 * np.sqrt(keep * (1 - keep) / drawn.size)


def test_bernoulli_keeps_all_with_probability_one(dtype):
    assert mask(1.0, dtype=dtype).all()


def test_bernoulli_draws_are_independent_of_each_other():
    centred = mask(0.5).astype("float64") - 0.5
    for neighbour in (centred[1:, :] * centred[:-1, :], centred[:, 1:] * centred[:, :-1]):
        assert abs(4 * neighbour.mean()) < 5 / np.sqrt(neighbour.size)


def test_bernoulli_follows_the_stream():
    assert np.array_equal(mask(0.5, seed=1), mask(0.5, seed=1))
    assert not np.array_equal(mask(0.5, seed=1), mask(0.5, seed=2))


@pytest.mark.parametrize("keep", [1e-9, 0.1, 1 / 3, 0.5, 0.8, 1 - 1e-9, 1.0])
@pytest.mark.parametrize("size", [1, 7, BLOCK - 1, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("generator", [np.random.default_rng, UpdateStreams(5, "dropout", 2).at])
def test_bernoulli_compares_the_uniform_numbers_of_the_stream(generator, size, keep, dtype):
    drawn = np.full(size, np.nan, dtype)
    bernoulli(generator(3), keep, drawn)
    assert np.array_equal(drawn, generator(3).random(size, dtype) < np.asarray(keep, dtype))


def test_bernoulli_takes_one_block_of_memory():
    drawn, rng = np.zeros(10 * BLOCK, "float32"), np.random.default_rng(0)
    tracemalloc.start()
    try:
        bernoulli(rng, 0.5, drawn)
        risen = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert risen < 2 * BLOCK * drawn.itemsize


def drawn(dtype, masks_for):
    """Return dz, x, W, b and masks, one for all examples or one for each."""
    rng = np.random.default_rng(3)
    shapes = ((N, UNITS), (N, N_IN), (N_IN, UNITS), (UNITS,))
    masks = mask(0.6, (N if masks_for == "each" else 1, N_IN, UNITS), dtype)
    return [*(rng.normal(size=shape).astype(dtype) for shape in shapes), masks]


def run(dz, x, W, b, masks):
    """Return z, dW, db and dx, computed in buffers that hold NaN before."""
    like = (dz, W, b, x)
    z, dW, db, dx = (np.full_like(array, np.nan) for array in like)
    masked = np.full_like(W, np.nan)
    masked_dense(x, W, b, masks, masked, z)
    masked_dense_backward(dz, x, W, masks, masked, dW, db, dx)
    return z, dW, db, dx


@pytest.mark.parametrize("masks_for", ["all", "each"])
def test_masked_dense_and_its_gradients_equal_loops(masks_for, dtype):
    dz, x, W, b, masks = drawn(dtype, masks_for)
    z, dW, db, dx = (np.zeros_like(array, "float64") for array in (dz, W, b, x))
    for i in range(N):
        M = masks[i if masks_for == "each" else 0]
        for j in range(UNITS):
            z[i, j] = b[j]
            db[j] += dz[i, j]
            for m in range(N_IN):
                z[i, j] += float(x[i, m]) * W[m, j] * M[m, j]
                dW[m, j] += float(x[i, m]) * dz[i, j] * M[m, j]
                dx[i, m] += float(dz[i, j]) * W[m, j] * M[m, j]
    for found, expected in zip(run(dz, x, W, b, masks), (z, dW, db, dx), strict=True):
        np.testing.assert_allclose(found, expected, atol=32 * np.finfo(dtype).eps)


@pytest.mark.parametrize("masks_for", ["all", "each"])
def test_masked_dense_kernels_leave_their_inputs_alone(masks_for, dtype):
    inputs = drawn(dtype, masks_for)
    for array in inputs[1:]:
        array.setflags(write=False)
    run(*inputs)


@pytest.mark.parametrize("masks_for", ["all", "each"])
def test_masked_dense_backward_without_dx_gives_the_same_gradients(masks_for, dtype):
    dz, x, W, b, masks = drawn(dtype, masks_for)
    _, dW, db, _ = run(dz, x, W, b, masks)
    masked, alone = np.empty_like(W), (np.empty_like(W), np.empty_like(b))
    masked_dense(x, W, b, masks, masked, np.empty_like(dz))
    masked_dense_backward(dz, x, W, masks, masked, *alone)
    assert np.array_equal(alone[0], dW)
    assert np.array_equal(alone[1], db)
