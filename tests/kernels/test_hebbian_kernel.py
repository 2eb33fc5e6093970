"""Hebbian learning's loss and gradient against NumPy's variance and a loop."""

import numpy as np
import pytest

from mnistnn.kernels.hebbian import hebbian


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (7, 3)])
def test_hebbian_is_minus_half_the_variance_and_its_gradient(shape, dtype):
    y = np.random.default_rng(0).normal(2, 3, size=shape).astype(dtype)
    y.setflags(write=False)
    dy, work = np.full_like(y, np.nan), np.full_like(y, np.nan)
    mean, loss = np.full(shape[1], np.nan, dtype), np.full(shape[0], np.nan, dtype)
    hebbian(y, dy, work, mean, loss)
    exact, bound = y.astype("float64"), 50 * float(np.finfo(dtype).eps)
    assert loss.mean() == pytest.approx(-0.5 * exact.var(axis=0).sum(), rel=bound, abs=bound)
    for i in range(shape[0]):
        for j in range(shape[1]):
            assert dy[i, j] == pytest.approx(-(exact[i, j] - exact[:, j].mean()) / shape[0], abs=bound)
    assert dy.dtype == loss.dtype == dtype
