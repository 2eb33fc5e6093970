"""Gaussians of classes, compared with SciPy's densities."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from mnistnn.errors import DivergedError
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
from mnistnn.types import ShapeError

D, CLASSES = 4, 3


def examples(n=200, d=D, seed=1):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, n)
    spread = rng.normal(size=(CLASSES, d, d))
    return rng.normal(size=(CLASSES, d))[labels] + np.einsum(
        "nd,nde->ne", rng.normal(size=(n, d)), spread[labels]
    ), labels


def fitted(x, labels, dtype="float64", classes=CLASSES, **keys):
    model = QuadraticDiscriminant(**keys)
    model.build(x.shape[1:], classes)
    model.allocate(np, dtype)
    assert list(model.fit(x.astype(dtype), labels, lambda *_: None)) == [1]
    return model


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_scores_are_logarithms_of_the_densities_times_the_shares(ridge):
    x, labels = examples()
    model = fitted(x, labels, ridge=ridge)
    found = model.scores(x)
    expected = np.empty_like(found)
    for c in range(CLASSES):
        of_class = x[labels == c]
        covariance = np.cov(of_class.T, bias=True) + ridge * np.eye(D)
        expected[:, c] = multivariate_normal(of_class.mean(axis=0), covariance).logpdf(x)
        expected[:, c] += np.log(len(of_class) / len(x))
    expected += 0.5 * D * np.log(2 * np.pi)  # which all classes have
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    p = model.criterion.probabilities(found)
    np.testing.assert_allclose(p, np.exp(expected - logsumexp(expected, axis=1, keepdims=True)), atol=1e-12)


def test_float32_is_close_to_float64():
    x, labels = examples()
    np.testing.assert_allclose(
        fitted(x, labels, "float32").scores(x.astype("float32")), fitted(x, labels).scores(x), rtol=2e-4, atol=2e-4
    )


def test_images_are_taken_as_rows():
    x, labels = examples()
    images = x.reshape(-1, 2, 2)
    np.testing.assert_array_equal(fitted(images, labels).scores(images), fitted(x, labels).scores(x))


def test_class_without_examples_is_never_predicted():
    x, labels = examples()
    scores = fitted(x, labels, classes=CLASSES + 1).scores(x)
    assert np.isfinite(scores).all()
    assert not (scores.argmax(axis=1) == CLASSES).any()
    np.testing.assert_array_equal(scores[:, :CLASSES], fitted(x, labels).scores(x))


@pytest.mark.parametrize("at", ["constant", "few"])
def test_class_that_does_not_vary_is_refused_by_name_and_ridge_helps(at):
    x, labels = examples()
    if at == "constant":
        x[labels == 1, 2] = 0.5
    else:
        keep = (labels != 1) | (np.cumsum(labels == 1) <= 2)  # two examples of class 1
        x, labels = x[keep], labels[keep]
    with pytest.raises(DivergedError, match=r"of class 1 vary in (3|1) of 4 directions only; model\.ridge above 0"):
        fitted(x, labels)
    assert np.isfinite(fitted(x, labels, ridge=0.1).scores(x)).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e200])
def test_inputs_that_are_not_finite_or_too_large_are_refused(wrong):
    x, labels = examples()
    x[5, 2] = wrong
    with pytest.raises(DivergedError, match="not all finite numbers, or too large to be squared"):
        fitted(x, labels)


def test_one_class_is_refused():
    with pytest.raises(ShapeError, match="needs two classes or more"):
        QuadraticDiscriminant().build((4,), 1)


def test_equal_images_of_two_classes_are_shared_by_their_frequency():
    rng = np.random.default_rng(2)
    half = rng.normal(size=(30, 2))
    x, labels = np.concatenate([half, half, half]), np.repeat([0, 1, 1], 30)
    p = fitted(x, labels, classes=2).criterion.probabilities(fitted(x, labels, classes=2).scores(x))
    np.testing.assert_allclose(p, np.tile([1 / 3, 2 / 3], (90, 1)), atol=1e-12)
