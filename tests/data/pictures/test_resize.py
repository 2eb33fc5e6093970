import numpy as np
import pytest

from mnistnn.data.pictures.resize import resampled


@pytest.mark.parametrize("side", [1, 3, 7, 10])
def test_shrinking_takes_means_over_areas(side):
    a = np.random.default_rng(0).random((10, 10))
    fine = a.repeat(side, axis=0).repeat(side, axis=1)  # each pixel cut into as many as there will be
    naive = fine.reshape(side, 10, side, 10).mean(axis=(1, 3))
    assert np.allclose(resampled(a, (side, side)), naive)


def test_growing_goes_straight_from_pixel_to_pixel():
    ramp = np.arange(4.0)[None]
    assert np.allclose(resampled(ramp, (1, 8))[0], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
