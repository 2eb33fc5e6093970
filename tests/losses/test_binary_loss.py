import numpy as np
import pytest
from scipy.special import expit, log_expit

from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.types import ShapeError


@pytest.fixture
def loss():
    loss = BinaryNLL()
    loss.build((1,), 2)
    return loss


def draw(n=50, dtype="float64"):
    rng = np.random.default_rng(0)
    z, labels = rng.normal(0, 3, size=(n, 1)).astype(dtype), rng.integers(2, size=n)
    z.setflags(write=False)
    labels.setflags(write=False)
    return z, labels


def exact_losses(z, labels):
    return -np.where(labels == 1, log_expit(z[:, 0]), log_expit(-z[:, 0]))


def test_value_is_the_mean_negative_log_likelihood(loss):
    z, labels = draw()
    assert loss.value_and_dz(z, labels)[0] == pytest.approx(exact_losses(z, labels).mean(), rel=1e-13)


def test_dz_is_the_difference_of_probability_and_truth_in_the_shape_of_the_output(loss):
    z, labels = draw()
    _, dz = loss.value_and_dz(z, labels)
    np.testing.assert_allclose(dz, (expit(z) - labels[:, None]) / 50, atol=1e-16)


def test_score_sums_losses_and_counts_outputs_on_the_wrong_side_of_zero(loss):
    z, labels = draw()
    found = loss.score(z, labels)
    assert found.loss == pytest.approx(exact_losses(z, labels).sum(), rel=1e-13)
    assert found.errors == sum((score > 0) != label for score, label in zip(z[:, 0], labels, strict=True))
    assert 0 < found.errors < found.examples == 50


def test_errors_are_not_spread_over_pairs_of_examples(loss):
    """A column of outputs compared with a row of labels would be a square of comparisons."""
    assert loss.score(np.full((7, 1), 2.0), np.ones(7, "int64")).errors == 0
    assert loss.score(np.full((7, 1), 2.0), np.zeros(7, "int64")).errors == 7


def test_predict_gives_class_one_above_zero(loss):
    assert loss.predict(np.array([[-1.0], [0.0], [1e-9]])).tolist() == [0, 0, 1]


def test_probabilities_are_those_of_both_classes(loss):
    z, _ = draw()
    p = loss.probabilities(z)
    np.testing.assert_allclose(p, np.concatenate([expit(-z), expit(z)], axis=1), atol=1e-15)


def test_float32_stays(loss):
    z, labels = draw(dtype="float32")
    value, dz = loss.value_and_dz(z, labels)
    assert {array.dtype for array in (value, dz, loss.probabilities(z))} == {np.dtype("float32")}


@pytest.mark.parametrize("classes", [1, 3, 10])
def test_data_must_have_two_classes(classes):
    with pytest.raises(ShapeError, match=f"needs two classes, but the data has {classes}; data.labels makes two"):
        BinaryNLL().build((1,), classes)


@pytest.mark.parametrize("shape", [(2,), (10,), (1, 1)])
def test_model_must_end_in_one_output(shape):
    with pytest.raises(ShapeError, match="needs one output, but this layer gives"):
        BinaryNLL().build(shape, 2)
