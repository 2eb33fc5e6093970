"""Convolution and its gradients against loops over single numbers and against SciPy, in one part and in many."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import signal

from mnistnn.backend import threads
from mnistnn.kernels import convolution, windows
from mnistnn.kernels.convolution import convolve, convolve_backward, most_batches, shares_of
from mnistnn.kernels.windows import Window, parts


class Case(NamedTuple):
    """Images n × c × h × w, padding included, and kernels that move over them."""

    n: int
    c: int
    h: int
    w: int
    maps: int
    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)


CASES = {
    "odd": Case(3, 2, 7, 5, 4, (3, 3)),
    "one image": Case(1, 2, 6, 6, 3, (3, 3)),
    "one of everything": Case(1, 1, 1, 1, 1, (1, 1)),
    "one pixel of each map": Case(4, 3, 4, 5, 2, (1, 1)),
    "not square": Case(2, 3, 5, 8, 2, (2, 4)),
    "stride 2": Case(2, 2, 8, 7, 3, (3, 2), (2, 2)),
    "stride 2 down": Case(2, 2, 8, 5, 3, (3, 3), (2, 1)),
    "stride beyond the kernel": Case(2, 2, 9, 8, 2, (2, 1), (3, 4)),
    "kernel as large as the image": Case(3, 2, 4, 5, 6, (4, 5)),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
each_way = pytest.mark.parametrize("flipped", [False, True], ids=["straight", "flipped"])


def arrays(case: Case, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x (c, h, w, n), W (maps, c, kh, kw) and dz (maps, oh, ow, n)."""
    rng = np.random.default_rng(3)
    rows, columns = Window(case.size, case.stride).positions(case.h, case.w)
    shapes = (case.c, case.h, case.w, case.n), (case.maps, case.c, *case.size), (case.maps, rows, columns, case.n)
    x, W, dz = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    return x, W, dz


def by_loops(case: Case, flipped: bool, x: Any, W: Any, dz: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return z, dW and dx in float64, one product at a time (of all images at once)."""
    (kh, kw), (down, across) = case.size, case.stride
    z, dW, dx = np.zeros(dz.shape), np.zeros(W.shape), np.zeros(x.shape)
    for f, r, s in np.ndindex(dz.shape[:3]):
        for c, i, j in product(range(case.c), range(kh), range(kw)):
            a, b = (kh - 1 - i, kw - 1 - j) if flipped else (i, j)
            pixel = x[c, r * down + i, s * across + j].astype(float)
            z[f, r, s] += float(W[f, c, a, b]) * pixel
            dW[f, c, a, b] += pixel @ dz[f, r, s].astype(float)
            dx[c, r * down + i, s * across + j] += float(W[f, c, a, b]) * dz[f, r, s]
    return z, dW, dx


def computed(case: Case, flipped: bool, x: Any, W: Any, dz: Any, need_dx: bool = True) -> list[np.ndarray]:
    """Return z, dW and dx of the kernels, whose memory holds NaN before."""
    window, flat = Window(case.size, case.stride), W.reshape(case.maps, -1)
    workers, columns = threads.workers_for(x), parts(dz, flat.shape[1])[0].positions * case.n
    z, dW, dx = np.full_like(dz, np.nan), np.full_like(flat, np.nan), np.full_like(x, np.nan)
    patches = np.full((workers, flat.shape[1] * columns), np.nan, x.dtype)
    shares = len(shares_of(parts(dz, flat.shape[1])))
    sums = np.full((shares, *flat.shape[::-1]), np.nan, x.dtype)
    work = np.full((workers, 1 + most_batches(columns, flat.size), *flat.shape[::-1]), np.nan, x.dtype)
    convolve(x, flat, window, flipped, z, patches)
    convolve_backward(dz, x, flat, window, flipped, dW, patches, sums, work, dx if need_dx else None)
    return [z, dW.reshape(W.shape), dx]


def assert_equal_to_loops(case: Case, flipped: bool, dtype: str = "float64") -> None:
    x, W, dz = arrays(case, dtype)
    tolerance = 200 * float(np.finfo(dtype).eps)
    for found, expected in zip(computed(case, flipped, x, W, dz), by_loops(case, flipped, x, W, dz), strict=True):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_way
@each_case
def test_convolution_and_its_gradients_equal_loops(case, flipped, dtype):
    assert_equal_to_loops(case, flipped, dtype)


@pytest.mark.parametrize("workers", [1, 3])
@each_case
def test_parts_and_workers_change_nothing(case, workers, monkeypatch):
    """From pieces of a row, of one position each, to a few rows."""
    with threads.allowed(workers):
        for most, flipped in ((1, False), (60, True), (200, False), (1000, True)):
            monkeypatch.setattr(windows, "PART", most)
            assert_equal_to_loops(case, flipped)


def test_parts_are_pieces_of_rows_or_some_rows_and_cover_each_position_once(monkeypatch):
    y = np.zeros((1, 5, 7, 2))
    for most, shape in ((1, (1, 1)), (3 * 2 * 4, (1, 3)), (7 * 2 * 4, (1, 7)), (15 * 2 * 4, (2, 7)), (10**6, (5, 7))):
        monkeypatch.setattr(windows, "PART", most)
        y[...] = 0
        cut = parts(y, 4)
        for part in cut:
            of = part.of(y)
            assert np.shares_memory(of, y)
            of += 1
        assert (y == 1).all()
        assert (cut[0].bottom - cut[0].top, cut[0].right - cut[0].left) == shape
        assert cut[0].positions == max(part.positions for part in cut)


def test_long_sums_are_cut_into_batches(monkeypatch):
    monkeypatch.setattr(convolution, "_INNER", 4)
    case = Case(6, 1, 6, 5, 2, (3, 2))
    assert most_batches(4 * 4 * 6, 2 * 6) == 24
    counted: list[int] = []
    real = convolution._add_up

    def add_up(gathered, dz, positions, batches, dW):
        batches[...] = np.nan
        real(gathered, dz, positions, batches, dW)
        counted.append(int(np.isfinite(batches).all(axis=(1, 2)).sum()))

    monkeypatch.setattr(convolution, "_add_up", add_up)
    assert_equal_to_loops(case, flipped=False)
    assert counted == [16]  # the largest number, up to 24, that divides the 16 positions
    monkeypatch.setattr(windows, "PART", 6 * 6 * 8)  # two parts of 8 positions
    assert_equal_to_loops(case, flipped=True)
    assert counted == [16, 8, 8]


@each_way
def test_convolution_is_that_of_scipy(flipped):
    case = Case(2, 3, 8, 9, 4, (3, 4))
    x, W, dz = arrays(case)
    z, dW, dx = computed(case, flipped, x, W, dz)
    forward, backward = (signal.convolve2d, signal.correlate2d)[:: 1 if flipped else -1]
    for f, m in np.ndindex(4, 2):
        expected = sum(forward(x[c, ..., m], W[f, c], mode="valid") for c in range(3))
        np.testing.assert_allclose(z[f, ..., m], expected, atol=1e-13)
    for c, m in np.ndindex(3, 2):
        expected = sum(backward(dz[f, ..., m], W[f, c], mode="full") for f in range(4))
        np.testing.assert_allclose(dx[c, ..., m], expected, atol=1e-13)
    for f, c in np.ndindex(4, 3):
        expected = sum(signal.correlate2d(x[c, ..., m], dz[f, ..., m], mode="valid") for m in range(2))
        np.testing.assert_allclose(dW[f, c], expected[::-1, ::-1] if flipped else expected, atol=1e-13)


def test_kernel_as_large_as_the_image_is_a_matrix_product():
    case = CASES["kernel as large as the image"]
    x, W, dz = arrays(case)
    z, dW, dx = computed(case, False, x, W, dz)
    rows = x.reshape(-1, case.n)
    np.testing.assert_allclose(z[:, 0, 0], W.reshape(case.maps, -1) @ rows, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dW.reshape(case.maps, -1), dz[:, 0, 0] @ rows.T, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dx.reshape(-1, case.n), W.reshape(case.maps, -1).T @ dz[:, 0, 0], rtol=1e-12, atol=1e-13)


def test_gradients_of_kernels_need_no_room_for_those_of_pixels():
    case = CASES["odd"]
    x, W, dz = arrays(case)
    _, dW, dx = computed(case, False, x, W, dz, need_dx=False)
    assert np.array_equal(dW, computed(case, False, x, W, dz)[1])
    assert np.isnan(dx).all()


def test_kernels_leave_their_inputs_alone():
    case = CASES["odd"]
    inputs = arrays(case)
    for array in inputs:
        array.setflags(write=False)
    computed(case, True, *inputs)
