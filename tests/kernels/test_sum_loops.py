"""Sums of compiled loops have the bits of NumPy's."""

import numpy as np
import pytest

from mnistnn.backend.jit import CompiledFunction
from mnistnn.kernels.sum_loops import CALLS, summed

pytest.importorskip("numba")


def _into(x, out):
    out[0] = summed(x)


into = CompiledFunction(_into, calls=CALLS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sum_has_the_bits_of_numpy(dtype):
    rng, out = np.random.default_rng(0), np.empty(1, dtype)
    sizes = [*range(1, 300), 511, 512, 513, 784, 1000, 4095, 65_537]
    for n in sizes:
        x = (rng.normal(size=n) * 10.0 ** rng.integers(-6, 6, n)).astype(dtype)
        into(x, out)
        assert out.tobytes() == x.sum().tobytes(), n


def test_other_order_has_other_bits():
    """Else the test above could not fail."""
    x, out = np.random.default_rng(0).normal(size=1000).astype("float32"), np.empty(1, "float32")
    into(x, out)
    assert out[0] != sum(x, np.float32(0))
