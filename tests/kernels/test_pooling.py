"""Pools and their gradients against loops over single windows. Compiled loops: test_image_loops.py."""

from typing import Any

import numpy as np
import pytest

from mnistnn.kernels.pooling import max_pool, max_pool_backward, mean_pool, mean_pool_backward
from mnistnn.kernels.windows import Window

# Height and width of the images, and the window.
CASES = {
    "tiles": ((6, 4), Window((2, 2), (2, 2))),
    "not square": ((6, 9), Window((2, 3), (2, 3))),
    "odd": ((7, 5), Window((2, 2), (2, 2))),
    "overlap": ((7, 8), Window((3, 3), (2, 2))),
    "overlap across": ((4, 5), Window((2, 2), (2, 1))),
    "gaps": ((9, 8), Window((2, 2), (3, 4))),
    "overlap down, gaps across": ((7, 8), Window((3, 2), (1, 3))),
    "whole": ((3, 4), Window((3, 4), (3, 4))),
    "one pixel": ((3, 4), Window((1, 1), (1, 1))),
    "some pixels": ((5, 5), Window((1, 1), (2, 3))),
}
each_case = pytest.mark.parametrize(("size", "window"), CASES.values(), ids=CASES.keys())
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
each_rule = pytest.mark.parametrize("all_ties", [False, True], ids=["first", "all"])


def images(size: tuple[int, int], dtype: str = "float64", levels: int = 0) -> np.ndarray:
    """Return images (c, h, w, n) of both signs; with few `levels`, many pixels are equal."""
    rng = np.random.default_rng(5)
    z = rng.integers(levels, size=(3, *size, 4)) - levels / 2 if levels else rng.normal(size=(3, *size, 4)) - 1
    return z.astype(dtype)


def places(z: np.ndarray, window: Window) -> list[tuple[Any, Any]]:
    """Return for each window where its number is in y, and where its pixels are in z."""
    (kh, kw), (down, across) = window.size, window.stride
    channels, height, width, n = z.shape
    return [
        ((c, r // down, s // across, m), (c, slice(r, r + kh), slice(s, s + kw), m))
        for c in range(channels)
        for r in range(0, height - kh + 1, down)
        for s in range(0, width - kw + 1, across)
        for m in range(n)
    ]


def empty_outputs(z: np.ndarray, window: Window) -> np.ndarray:
    return np.full((len(z), *window.positions(*z.shape[1:3]), z.shape[3]), np.nan, z.dtype)


def max_of(z: np.ndarray, window: Window) -> np.ndarray:
    y = empty_outputs(z, window)
    max_pool(z, window, y)
    return y


def mean_of(z: np.ndarray, window: Window) -> np.ndarray:
    y = empty_outputs(z, window)
    mean_pool(z, window, y)
    return y


def dz_of_max(z: np.ndarray, dy: np.ndarray, window: Window, all_ties: bool, dz: np.ndarray | None = None) -> Any:
    y, dz = max_of(z, window), np.full_like(z, np.nan) if dz is None else dz
    max_pool_backward(dy, z, y, window, all_ties, dz, np.full_like(y, np.nan), np.full_like(y, np.nan))
    return dz


def dz_by_loops(z: np.ndarray, dy: np.ndarray, window: Window, all_ties: bool) -> np.ndarray:
    dz = np.zeros_like(z)
    for at, seen in places(z, window):
        hit = z[seen] == z[seen].max()
        if not all_ties:
            first = np.unravel_index(hit.argmax(), hit.shape)
            hit[...] = False
            hit[first] = True
        dz[seen] += hit * dy[at]
    return dz


@each_dtype
@each_case
def test_max_pool_equals_loops(size, window, dtype):
    z = images(size, dtype)
    y = max_of(z, window)
    assert y.dtype == dtype
    assert len(places(z, window)) == y.size
    for at, seen in places(z, window):
        assert y[at] == z[seen].max()


@each_dtype
@each_case
def test_mean_pool_equals_loops(size, window, dtype):
    z = images(size, dtype)
    y = mean_of(z, window)
    assert y.dtype == dtype
    for at, seen in places(z, window):
        assert abs(y[at] - z[seen].mean(dtype=float)) < 20 * np.finfo(dtype).eps


@each_rule
@pytest.mark.parametrize("levels", [0, 3], ids=["all different", "many equal"])
@each_case
def test_gradient_of_max_pool_equals_loops(size, window, levels, all_ties):
    z = images(size, levels=levels)
    dy = np.random.default_rng(6).normal(size=empty_outputs(z, window).shape)
    found = dz_of_max(z, dy, window, all_ties)
    np.testing.assert_allclose(found, dz_by_loops(z, dy, window, all_ties), atol=1e-14)


@each_case
def test_gradient_of_mean_pool_equals_loops(size, window):
    z = images(size)
    dy = np.random.default_rng(6).normal(size=empty_outputs(z, window).shape)
    expected, dz = np.zeros_like(z), np.full_like(z, np.nan)
    for at, seen in places(z, window):
        expected[seen] += dy[at] / np.prod(window.size)
    mean_pool_backward(dy, window, dz)
    np.testing.assert_allclose(dz, expected, atol=1e-14)


@each_rule
@pytest.mark.parametrize("case", [name for name, (_, window) in CASES.items() if not window.overlaps])
def test_gradient_of_max_pool_may_take_the_place_of_its_input(case, all_ties):
    size, window = CASES[case]
    z = images(size, levels=3)
    dy = np.random.default_rng(6).normal(size=empty_outputs(z, window).shape)
    expected = dz_of_max(z, dy, window, all_ties)
    assert np.array_equal(dz_of_max(z, dy, window, all_ties, dz=z), expected)


def test_what_no_window_reaches_has_no_gradient():
    z, window = images((5, 7)), Window((2, 2), (2, 3))
    dz = dz_of_max(z, np.ones_like(empty_outputs(z, window)), window, all_ties=True)
    assert not dz[:, 4].any()
    assert not dz[:, :, [2, 5]].any()


@each_case
def test_first_of_equal_pixels_gets_the_gradient_or_all_do(size, window):
    z = np.zeros((1, *size, 1))
    dy = np.ones_like(empty_outputs(z, window))
    assert dz_of_max(z, dy, window, all_ties=False).sum() == dy.size
    assert dz_of_max(z, dy, window, all_ties=True).sum() == dy.size * np.prod(window.size)


@each_case
@pytest.mark.parametrize("corner", [(0, 0), (-1, -1)], ids=["first", "last"])
def test_nan_stays_visible(size, window, corner):
    z = images(size)
    at, seen = places(z, window)[0]
    z[seen][corner] = np.nan
    assert np.isnan(max_of(z, window)[at])
    assert np.isnan(mean_of(z, window)[at])


def test_infinities_are_numbers_like_others():
    z, window = np.full((1, 2, 2, 1), -np.inf), Window((2, 2), (2, 2))
    assert max_of(z, window).item() == -np.inf
    z[0, 1, 0, 0] = np.inf
    assert max_of(z, window).item() == np.inf
