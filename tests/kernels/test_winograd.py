"""Minimal filtering against SciPy, in one part and in many, and its rounding against what its docstring states."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import signal

from mnistnn.backend import threads
from mnistnn.kernels import windows, winograd
from mnistnn.kernels.windows import Window
from mnistnn.kernels.winograd import Matrices, convolve, convolve_backward, saves_enough, tiling


class Case(NamedTuple):
    """n images of c channels, under rows × columns tiles, and maps of kernels r × r."""

    n: int
    c: int
    rows: int
    columns: int
    maps: int
    r: int


CASES = {
    "one tile": Case(2, 3, 1, 1, 2, 5),
    "one of everything": Case(1, 1, 1, 1, 1, 3),
    "kernel 3": Case(3, 2, 2, 3, 4, 3),
    "kernel 4": Case(3, 2, 3, 2, 3, 4),
    "kernel 5": Case(5, 4, 3, 4, 3, 5),
    "kernel 6": Case(2, 2, 4, 5, 2, 6),  # where three tiles see a pixel in each direction
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
each_way = pytest.mark.parametrize("flipped", [False, True], ids=["straight", "flipped"])


def of(case: Case) -> winograd.Tiling:
    m = 9 - case.r
    found = tiling(Window((case.r, case.r), (1, 1)), (case.rows * m, case.columns * m), case.c, case.maps)
    assert found is not None
    assert (found.rows, found.columns) == (case.rows, case.columns)
    return found


def arrays(case: Case, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x (c, h, w, n), W (maps, c, r, r) and dz (maps, oh, ow, n)."""
    rng, tiles = np.random.default_rng(3), of(case)
    shapes = (
        (case.c, *tiles.in_size, case.n),
        (case.maps, case.c, case.r, case.r),
        (case.maps, *tiles.out_size, case.n),
    )
    x, W, dz = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    return x, W, dz


def computed(case: Case, flipped: bool, x: Any, W: Any, dz: Any, need_dx: bool = True) -> list[np.ndarray]:
    """Return z, dW and dx of the kernels, whose memory holds NaN before."""
    tiles, workers, dtype = of(case), threads.workers_for(x), x.dtype
    U = np.full((64, case.maps, case.c), np.nan, dtype)
    V = np.full(tiles.values(case.n), np.nan, dtype)
    work = np.full((workers, tiles.work(tiles.share(case.n))), np.nan, dtype)
    dU = np.full((len(tiles.shares(x)) + workers, *U.shape), np.nan, dtype)
    z, dx, dW = np.full_like(dz, np.nan), np.full_like(x, np.nan), np.full((case.maps, W[0].size), np.nan, dtype)
    by = Matrices.like(x, case.r, flipped)
    convolve(x, W.reshape(case.maps, -1), tiles, by, z, U, V, work)
    convolve_backward(dz, tiles, by, U, V, dW, dU, work, dx if need_dx else None)
    return [z, dW.reshape(W.shape), dx]


def by_scipy(flipped: bool, x: Any, W: Any, dz: Any) -> list[np.ndarray]:
    """Return z, dW and dx in float64, image by image."""
    x, W, dz = (a.astype("float64") for a in (x, W, dz))
    W = W[:, :, ::-1, ::-1] if flipped else W
    z, dW, dx = np.zeros(dz.shape), np.zeros(W.shape), np.zeros(x.shape)
    for f, c, i in np.ndindex(len(W), len(x), x.shape[3]):
        z[f, ..., i] += signal.correlate2d(x[c, ..., i], W[f, c], "valid")
        dW[f, c] += signal.correlate2d(x[c, ..., i], dz[f, ..., i], "valid")
        dx[c, ..., i] += signal.convolve2d(dz[f, ..., i], W[f, c], "full")
    return [z, dW[:, :, ::-1, ::-1] if flipped else dW, dx]


def errors(found: list[np.ndarray], expected: list[np.ndarray]) -> list[float]:
    """Return the largest error of each array, relative to the root mean square of what is expected."""
    return [float(abs(a - b).max() / np.sqrt((b**2).mean())) for a, b in zip(found, expected, strict=True)]


@each_way
@each_case
def test_convolution_and_its_gradients_equal_those_of_scipy(case, flipped):
    x, W, dz = arrays(case)
    assert max(errors(computed(case, flipped, x, W, dz), by_scipy(flipped, x, W, dz))) < 1e-12


@each_case
def test_single_precision_rounds_no_more_than_is_said(case):
    x, W, dz = arrays(case, "float32")
    found = computed(case, False, x, W, dz)
    assert {a.dtype for a in found} == {np.dtype("float32")}
    assert max(errors(found, by_scipy(False, x, W, dz))) < 1e-4


def test_rounding_is_what_the_docstring_states():
    case = Case(200, 20, 1, 1, 50, 5)
    x, W, dz = arrays(case, "float32")
    z = computed(case, False, x, W, dz)[0]
    exact = computed(case, False, x.astype("float64"), W.astype("float64"), dz.astype("float64"))[0]
    relative = np.sqrt(((z - exact) ** 2).mean() / (exact**2).mean())
    assert 1e-6 < relative < 4e-6


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("part", [1, 2000, 20_000])
def test_parts_shares_and_workers_change_nothing(part, workers, monkeypatch):
    case = CASES["kernel 5"]
    x, W, dz = arrays(case)
    expected = computed(case, False, x, W, dz)
    monkeypatch.setattr(windows, "PART", part)
    with threads.allowed(workers):
        assert max(errors(computed(case, False, x, W, dz), expected)) < 1e-12


def test_any_number_of_threads_gives_the_same_bits():
    case = CASES["kernel 5"]
    x, W, dz = arrays(case, "float32")
    runs = []
    for most in (1, 2, 3, 3, 5):
        with threads.allowed(most):
            runs.append(computed(case, False, x, W, dz))
    for again in runs[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(again, runs[0], strict=True))


def test_without_dx_nothing_is_written_there():
    case = CASES["kernel 5"]
    x, W, dz = arrays(case)
    *others, dx = computed(case, False, x, W, dz, need_dx=False)
    assert np.isnan(dx).all()
    for found, expected in zip(others, computed(case, False, x, W, dz)[:2], strict=True):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(("size", "stride"), [((5, 3), (1, 1)), ((5, 5), (2, 2)), ((2, 2), (1, 1)), ((7, 7), (1, 1))])
def test_other_windows_have_no_tiles(size, stride):
    assert tiling(Window(size, stride), (8, 8), 20, 50) is None


@pytest.mark.parametrize(
    ("out_size", "channels", "maps", "expected"),
    [
        ((8, 8), 20, 50, True),  # LeNet's second layer
        ((24, 24), 1, 20, False),  # and its first
        ((2, 2), 20, 50, False),  # mostly beyond the images
        ((8, 8), 20, 7, False),
    ],
)
def test_tiles_are_taken_where_they_save_enough(out_size, channels, maps, expected):
    found = tiling(Window((5, 5), (1, 1)), out_size, channels, maps)
    assert found is not None
    assert saves_enough(found, out_size) is expected
