"""Shifted images against SciPy's."""

import numpy as np
import pytest
from scipy import ndimage

from mnistnn.kernels.shifts import shifted, shifted_copies, shifts_up_to


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize(("dy", "dx"), [(0, 0), (1, -2), (-3, 0), (2, 4), (4, 0), (0, -5), (-9, 9)])
def test_shift_moves_pixels_and_brings_in_zeros(shape, dy, dx):
    images = np.random.default_rng(0).uniform(1, 2, shape)
    expected = ndimage.shift(images, (*[0] * (len(shape) - 2), dy, dx), order=0, mode="constant")
    assert np.array_equal(shifted(images, dy, dx), expected)


def test_shift_makes_a_new_array():
    images = np.ones((1, 2, 2))
    shifted(images, 0, 0)[...] = 0
    assert images.all()


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_shifts_are_all_that_reach_so_far_each_once(reach):
    found = [tuple(each) for each in shifts_up_to(reach).tolist()]
    steps = range(-reach, reach + 1)
    assert found == [(dy, dx) for dy in steps for dx in steps]


def test_copies_are_each_shifted_in_its_own_way():
    images = np.random.default_rng(0).uniform(1, 2, (4, 3, 5))
    which = np.array([(2, 0, 0), (0, 1, -1), (2, 1, -1), (3, 0, 2), (0, 1, -1)])
    found = shifted_copies(images.reshape(4, 15), (3, 5), which)
    assert found.dtype == np.float32
    expected = [ndimage.shift(images[n], (dy, dx), order=0) for n, dy, dx in which]
    assert np.array_equal(found, np.array(expected, dtype=np.float32))


def test_inputs_that_are_no_images_are_copied_as_they_are():
    rows = np.arange(6.0).reshape(3, 2)
    assert shifted_copies(rows, (2,), np.array([(2, 0, 0), (0, 0, 0)])).tolist() == [[4, 5], [0, 1]]
