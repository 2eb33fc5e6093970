"""The compiled loops of the image kernels against the array code that they stand in for: the same numbers."""

from typing import Any

import numpy as np
import pytest

from mnistnn.backend import jit
from mnistnn.kernels import image_loops
from mnistnn.kernels.convolution import convolve_backward, most_batches, shares_of
from mnistnn.kernels.pooling import max_pool, max_pool_backward
from mnistnn.kernels.windows import Window, parts

DTYPES = ["float32", "float64"]
WINDOWS = [Window((2, 2), (2, 2)), Window((3, 2), (3, 4)), Window((2, 2), (1, 1)), Window((1, 3), (2, 2))]


@pytest.fixture
def both_ways(monkeypatch):
    """Call a function without compiled loops and with them; return both results."""
    pytest.importorskip("numba")

    def call(function: Any) -> list[Any]:
        results = []
        for used in (False, True):
            monkeypatch.setattr(image_loops, "are_worth_it", lambda x, used=used: used)
            results.append(function())
        return results

    return call


def images(dtype: str, levels: int = 0) -> np.ndarray:
    """Return images (c, h, w, n); with few `levels`, many pixels are equal."""
    rng, shape = np.random.default_rng(5), (3, 9, 8, 5)
    return rng.integers(levels, size=shape).astype(dtype) if levels else rng.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pixels_get_the_same_gradient(dtype, both_ways):
    x, rng = images(dtype), np.random.default_rng(6)
    for window in WINDOWS:
        W = rng.normal(size=(4, 3 * len(window.places))).astype(dtype)
        dz = np.asarray(rng.normal(size=(4, *window.positions(9, 8), 5)), dtype)
        columns = parts(dz, W.shape[1])[0].positions * 5
        for flipped in (False, True):

            def gradient(window=window, W=W, dz=dz, columns=columns, flipped=flipped):
                dx, patches = np.full_like(x, np.nan), np.empty((1, W.shape[1] * columns), dtype)
                sums = np.empty((len(shares_of(parts(dz, W.shape[1]))), *W.T.shape), dtype)
                work = np.empty((1, 1 + most_batches(columns, W.size), *W.T.shape), dtype)
                convolve_backward(dz, x, W, window, flipped, np.empty_like(W), patches, sums, work, dx)
                return dx

            expected, found = both_ways(gradient)
            assert np.array_equal(found, expected), (window, flipped)


@pytest.mark.parametrize("dtype", DTYPES)
def test_max_pool_is_the_same(dtype, both_ways):
    z = images(dtype)
    z[0, :3, :3, 0] = np.nan
    z[1, :, :, 1] = -np.inf
    for window in WINDOWS:

        def largest(window=window):
            y = np.empty((3, *window.positions(9, 8), 5), dtype)
            max_pool(z, window, y)
            return y

        expected, found = both_ways(largest)
        assert np.array_equal(found, expected, equal_nan=True), window


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("levels", [0, 3], ids=["all different", "many equal"])
def test_gradient_of_max_pool_is_the_same(dtype, levels, both_ways):
    z, rng = images(dtype, levels), np.random.default_rng(6)
    for window in WINDOWS:
        y = np.empty((3, *window.positions(9, 8), 5), dtype)
        max_pool(z, window, y)
        dy = np.asarray(rng.normal(size=y.shape), dtype)
        for all_ties in (False, True):
            for in_place in (False, True):
                if in_place and window.overlaps:
                    continue

                def gradient(window=window, y=y, dy=dy, all_ties=all_ties, in_place=in_place):
                    own = z.copy()
                    dz = own if in_place else np.full_like(z, np.nan)
                    max_pool_backward(dy, own, y, window, all_ties, dz, np.empty_like(y), np.empty_like(y))
                    return dz

                expected, found = both_ways(gradient)
                assert np.array_equal(found, expected), (window, all_ties, in_place)


@pytest.mark.parametrize("switch", ["0", "1"])
def test_compiled_loops_are_worth_it_for_large_arrays_where_numba_is_not_switched_off(switch, monkeypatch):
    if switch == "0":
        pytest.importorskip("numba")
    monkeypatch.setenv("NUMBA_DISABLE_JIT", switch)
    jit.can_compile.cache_clear()
    try:
        with jit.Compiled(wanted=True).in_use():
            assert image_loops.are_worth_it(np.empty((4, 128, 128))) == (switch == "0")
            assert not image_loops.are_worth_it(np.empty((3, 128, 128)))
    finally:
        jit.can_compile.cache_clear()


def test_compiled_loops_are_for_arrays_of_the_host(monkeypatch):
    class DeviceArray:
        size = 10**9

    monkeypatch.setattr(jit, "is_available", lambda: True)
    assert not image_loops.are_worth_it(DeviceArray())
