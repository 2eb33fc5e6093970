import numpy as np
import pytest

from mnistnn.backend import jit, lanes

pytest.importorskip("numba")


def histogram(bins, rows, sums):
    for i in range(len(bins)):
        lanes.add_row(sums, bins[i], rows, i)


def test_compiled_loop_adds_rows_with_the_bits_of_numpy():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, lanes.LANES)).astype(np.float32)
    bins = rng.integers(7, size=500).astype(np.uint8)
    expected, found = np.zeros((2, 7, lanes.LANES), np.float32)
    histogram(bins, rows, expected)
    jit.CompiledFunction(histogram, prepare=lanes.teach_numba)(bins, rows, found)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(("numbers", "rows"), [(1, 1), (16, 1), (17, 2), (48, 3)])
def test_numbers_take_whole_rows(numbers, rows):
    assert lanes.rows_of(numbers) == rows
