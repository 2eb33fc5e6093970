"""Linear interpolation along rows, against NumPy's own."""

import numpy as np
import pytest

from mnistnn.kernels.row_sampling import sample_rows


def interpolated(x, at):
    """Read one row of pixels with np.interp, which takes zeros beside it for what lies outside."""
    return np.interp(at, np.arange(-1, len(x) + 1), np.concatenate([[0.0], x, [0.0]]))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 2, 4, 5))


def test_rows_are_read_between_pixels(images):
    at = np.random.default_rng(1).uniform(-3, 8, size=(3, 2, 4, 6))
    expected = np.empty(at.shape)
    for place in np.ndindex(3, 2, 4):
        expected[place] = interpolated(images[place], at[place])
    np.testing.assert_allclose(sample_rows(images, at), expected, atol=1e-14)


def test_places_are_broadcast_over_rows_and_channels(images):
    at = np.random.default_rng(1).uniform(-3, 8, size=(3, 1, 1, 5))
    np.testing.assert_array_equal(sample_rows(images, at), sample_rows(images, np.broadcast_to(at, images.shape)))


def test_whole_pixels_come_back_as_they_are(images):
    at = np.arange(5.0).reshape(1, 1, 1, 5)
    np.testing.assert_array_equal(sample_rows(images, at), images)


def test_places_far_outside_give_zeros(images):
    assert not sample_rows(images, np.array([-1e300, -1.0, 5.0, 1e300]).reshape(1, 1, 1, 4)).any()


def test_float32_stays_float32(images):
    assert sample_rows(images.astype("float32"), np.full((3, 2, 4, 1), 1.5)).dtype == np.float32
