"""Whitening against the slides' own computation, by singular values of the covariance."""

import numpy as np
import pytest

from mnistnn.preprocess.whiten import Whiten
from mnistnn.types import ShapeError


@pytest.fixture
def images() -> np.ndarray:
    """Correlated inputs (4200, 3, 4), more than one block of rows; 2 of the 12 dimensions do not vary."""
    rng = np.random.default_rng(3)
    mixed = rng.normal(size=(4200, 12)) @ rng.normal(size=(12, 12)) * 0.3 + rng.normal(size=12)
    mixed[:, [0, 7]] = 0.25
    return mixed.reshape(4200, 3, 4)


def fitted(images, **keys) -> Whiten:
    whiten = Whiten(**keys)
    whiten.build(images.shape[1:])
    whiten.fit(images)
    return whiten


def slides(train, other, threshold=1e-5, epsilon=1e-5):
    """The slides' PCA whitening: parameters from `train`, applied to `other`."""
    train, other = train.reshape(len(train), -1), other.reshape(len(other), -1)
    mean = train.mean(axis=0)
    U, S, _ = np.linalg.svd((train - mean).T @ (train - mean) / len(train))
    kept = threshold < S
    return (other - mean) @ U[:, kept] / np.sqrt(S[kept] + epsilon)


def test_pca_is_that_of_the_slides_up_to_signs(images):
    expected = slides(images, images)
    found = fitted(images).apply(images.copy())
    assert found.shape == expected.shape == (4200, 10)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)


def test_other_images_are_whitened_with_the_parameters_of_the_training_split(images):
    other = np.random.default_rng(5).normal(size=(50, 3, 4))
    found = fitted(images).apply(other.copy())
    np.testing.assert_allclose(np.abs(found), np.abs(slides(images, other)), atol=1e-9)


def test_whitened_training_split_has_unit_covariance(images):
    whiten = fitted(images)
    white = whiten.apply(images.copy())
    expected = np.diag(whiten.variances[:10] / (whiten.variances[:10] + 1e-5))  # what ε leaves of the identity
    np.testing.assert_allclose(white.T @ white / len(white), expected, atol=1e-10)
    np.testing.assert_allclose(white.mean(axis=0), 0.0, atol=1e-10)


def test_zca_is_pca_turned_back(images):
    zca, pca = fitted(images, method="zca"), fitted(images)
    expected = (pca.apply(images.copy()) @ pca.directions.T).reshape(images.shape)
    np.testing.assert_allclose(zca.apply(images.copy()), expected, atol=1e-9)


def test_zca_changes_images_least(images):
    """Of all whitening matrices, the symmetric one; its square is the inverse covariance."""
    flat = images[:, 1:, 1:].reshape(4200, -1)
    flat = flat[:, flat.var(axis=0) > 0]
    zca = fitted(flat, method="zca", epsilon=0.0)
    matrix = zca.apply(np.eye(flat.shape[1]) + zca.mean)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)
    np.testing.assert_allclose(matrix @ matrix, np.linalg.inv(np.cov(flat.T, bias=True)), rtol=1e-6, atol=1e-9)


def test_dimensions_keep_those_of_largest_variance(images):
    few, all_of_them = fitted(images, dimensions=3), fitted(images)
    assert few.out_shape == (3,)
    np.testing.assert_array_equal(few.apply(images.copy()), all_of_them.apply(images.copy())[:, :3])
    assert few.energy_kept == pytest.approx(np.sort(few.variances)[::-1][:3].sum() / few.variances.sum())


def test_result_lies_in_the_memory_of_the_input(images):
    x = images.copy()
    assert np.shares_memory(fitted(images).apply(x), x)


def test_float32_stays_float32_and_close(images):
    whiten = fitted(images)
    found = whiten.apply(images.astype("float32"))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, whiten.apply(images.copy()), atol=2e-4)


def test_size_is_an_upper_bound_until_fitted(images):
    whiten = Whiten()
    whiten.build((3, 4))
    assert (whiten.out_shape, whiten.is_settled) == ((12,), False)
    whiten.fit(images)
    assert (whiten.out_shape, whiten.is_settled) == ((10,), True)


def test_threshold_that_drops_everything_is_refused(images):
    with pytest.raises(ShapeError, match="no direction has a variance above the threshold of 1e\\+09"):
        fitted(images, threshold=1e9)


def test_restored_transform_gives_the_same_bits(images):
    first, second = fitted(images), Whiten()
    second.build((3, 4))
    second.restore(first.tensors())
    assert second.is_settled
    np.testing.assert_array_equal(first.apply(images.copy()), second.apply(images.copy()))


def test_restored_transform_obeys_its_own_keys():
    rng = np.random.default_rng(1)
    first = fitted(rng.normal(size=(100, 4, 1)))
    second = Whiten(dimensions=2, method="pca")
    second.build((4, 1))
    second.restore(first.tensors())
    assert second.out_shape == (2,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": np.zeros(9)}, "fitted on other inputs than 3×4"),
        ({"directions": np.zeros((12, 0))}, "fitted on other inputs"),
        ({"directions": np.zeros(12)}, "fitted on other inputs"),
        ({"variances": np.full(12, np.nan)}, "its variances must be finite numbers"),
        ({"mean": np.zeros(12, "float32")}, "its mean must be finite numbers of type float64"),
        ({"more": np.zeros(1)}, "expected the arrays mean, directions, variances, got"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(images, change, message):
    whiten = Whiten()
    whiten.build((3, 4))
    with pytest.raises(ShapeError, match=message):
        whiten.restore(fitted(images).tensors() | change)
