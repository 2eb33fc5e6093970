"""The perceptron's criterion against a loop over examples."""

import numpy as np
import pytest

from mnistnn.kernels.perceptron import perceptron


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 9])
def test_perceptron_equals_a_loop(n, dtype):
    rng = np.random.default_rng(5)
    z, t = rng.normal(size=n).astype(dtype), rng.choice([-1.0, 1.0], size=n).astype(dtype)
    z.setflags(write=False)
    t.setflags(write=False)
    loss, dz = np.full_like(z, np.nan), np.full_like(z, np.nan)
    perceptron(z, t, dz, loss)
    for i in range(n):
        is_wrong = (z[i] > 0) != (t[i] > 0)
        assert loss[i] == (abs(z[i]) if is_wrong else 0.0)
        assert dz[i] == pytest.approx(-t[i] / n if is_wrong else 0.0, rel=1e-6)
    assert loss.dtype == dz.dtype == dtype


def test_an_output_of_zero_is_moved_for_either_class():
    loss, dz = np.empty(2), np.empty(2)
    perceptron(np.zeros(2), np.array([-1.0, 1.0]), dz, loss)
    assert loss.tolist() == [0, 0]
    assert dz.tolist() == [0.5, -0.5]
