"""Standardisation of pixels and of images, against NumPy's own mean and variance."""

import numpy as np
import pytest

from mnistnn.preprocess.contrast import ContrastNormalize
from mnistnn.preprocess.standardize import Standardize


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(2).uniform(size=(4500, 2, 3)) * np.arange(6).reshape(2, 3)


def test_standardize_is_pixel_by_pixel(images):
    transform = Standardize(epsilon=1e-3)
    transform.build((2, 3))
    transform.fit(images)
    expected = (images - images.mean(axis=0)) / np.sqrt(images.var(axis=0) + 1e-3)
    np.testing.assert_allclose(transform.apply(images.copy()), expected, rtol=1e-12, atol=1e-12)


def test_standardize_uses_what_was_fitted(images):
    transform = Standardize()
    transform.build((2, 3))
    transform.fit(images)
    np.testing.assert_allclose(
        transform.apply(images[:7].copy()),
        (images[:7] - images.mean(axis=0)) / np.sqrt(images.var(axis=0) + 1e-2),
        atol=1e-12,
    )


def test_contrast_is_normalised_image_by_image(images):
    transform = ContrastNormalize(epsilon=1e-3)
    transform.build((2, 3))
    flat = images.reshape(len(images), -1)
    expected = (flat.T - flat.mean(axis=1)) / np.sqrt(flat.var(axis=1) + 1e-3)
    np.testing.assert_allclose(transform.apply(images.copy()).reshape(len(images), -1), expected.T, atol=1e-12)


def test_empty_image_stays_empty():
    transform = ContrastNormalize()
    transform.build((2, 3))
    assert not transform.apply(np.zeros((1, 2, 3))).any()


@pytest.mark.parametrize("transform", [Standardize(), ContrastNormalize()])
def test_images_are_transformed_in_place_and_keep_their_type(images, transform):
    x = images.astype("float32")
    transform.build((2, 3))
    transform.fit(x)
    found = transform.apply(x)
    assert np.shares_memory(found, x)
    assert (found.dtype, found.shape) == (x.dtype, x.shape)
