"""Images as sequences."""

import numpy as np
import pytest

from mnistnn.preprocess.scan import Scan
from mnistnn.types import ShapeError


def applied(transform, images):
    transform.build(images.shape[1:])
    return transform.apply(images.copy())


@pytest.fixture
def images():
    return np.arange(2 * 4 * 6, dtype="float32").reshape(2, 4, 6)


@pytest.mark.parametrize(("pixels", "steps"), [(1, 24), (6, 4), (8, 3), (24, 1)])
def test_pixels_are_read_row_by_row(images, pixels, steps):
    found = applied(Scan(pixels=pixels), images)
    assert found.shape == (2, steps, pixels)
    np.testing.assert_array_equal(found.reshape(2, -1), images.reshape(2, -1))


def test_permuted_pixels_are_all_there_in_one_order_for_all_images(images):
    found = applied(Scan(permutation=5), images)[:, :, 0]
    np.testing.assert_array_equal(np.sort(found[0]), np.arange(24))
    np.testing.assert_array_equal(found[1], found[0] + 24)
    assert not np.array_equal(found[0], np.arange(24))
    np.testing.assert_array_equal(applied(Scan(permutation=5), images)[:, :, 0], found)
    assert not np.array_equal(applied(Scan(permutation=6), images)[:, :, 0], found)


def test_pixels_that_do_not_come_out_even_are_refused():
    with pytest.raises(ShapeError, match="images of 4×6 have 24 pixels, which cannot be read 5 at a time"):
        Scan(pixels=5).build((4, 6))
