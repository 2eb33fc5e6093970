"""The tanh of compiled loops: against NumPy's in float64, over all sizes of numbers."""

import numpy as np
import pytest

from mnistnn.backend import block_products, jit
from mnistnn.kernels.tanh_loop import tanh

pytest.importorskip("numba")


def tanh_of_each(x, y):
    for i in range(x.size):
        y[i] = tanh(x[i])


compiled = jit.CompiledFunction(tanh_of_each, calls=(tanh,), prepare=block_products.teach_numba)


def test_tanh_is_within_two_units_in_the_last_place():
    positive = np.arange(0x00800000, 0x7F800000, 997, dtype=np.uint32).view(np.float32)  # of all sizes, 2 million
    x = np.concatenate([positive, -positive])
    found = np.empty_like(x)
    compiled(x, found)
    exact = np.tanh(x.astype("float64"))
    units = np.abs(found - exact) / np.spacing(np.abs(exact).astype("float32"))
    assert units.max() < 2.0


@pytest.mark.parametrize("x", [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, -1e-42])
def test_tanh_of_special_numbers(x):
    found = np.empty(1, "float32")
    compiled(np.array([x], "float32"), found)
    np.testing.assert_array_equal(found, np.tanh(np.array([x], "float32")))
    assert np.signbit(found[0]) == np.signbit(np.float32(x)) or np.isnan(x)


@pytest.mark.parametrize("x", [-3.0, -0.625, -0.1, 0.0, 0.5, 0.7, 8.0, 30.0])
def test_interpreted_tanh_is_that_of_the_compiled_one(x):
    found = np.empty(1, "float32")
    compiled(np.array([x], "float32"), found)
    assert tanh(np.float32(x)) == pytest.approx(found[0], rel=3e-7)
