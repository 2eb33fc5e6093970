"""y += a x, by blocks and by the compiled loop: the bits of the plain formula."""

import numpy as np
import pytest

from mnistnn.backend import jit
from mnistnn.kernels import add_scaled as module
from mnistnn.kernels.add_scaled import add_scaled


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("is_compiled", [False, True])
@pytest.mark.parametrize("size", [1, 7, 40_000, 100_000])
def test_scaled_vector_is_added_with_the_bits_of_the_formula(size, is_compiled, dtype, monkeypatch):
    if is_compiled:
        pytest.importorskip("numba")
    monkeypatch.setattr(module, "_COMPILED_ABOVE", 0)
    monkeypatch.setattr(jit, "is_available", lambda: is_compiled)
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=size).astype(dtype) for _ in range(2))
    expected = y + x * np.asarray(0.3, dtype)
    add_scaled(y, 0.3, x, np.full(size, np.nan, dtype))
    assert np.array_equal(y, expected)
    assert y.dtype == dtype
