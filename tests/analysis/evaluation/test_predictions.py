"""Predictions of a model, against a recount that shares no code with it, and against models made by hand."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from mnistnn.analysis.evaluation.predictions import Predictions, images_at, predictions_of
from mnistnn.analysis.evaluation.results import evaluate
from mnistnn.data.splits import read_split
from mnistnn.errors import DivergedError, UsageError
from mnistnn.experiment.trained import load_trained


@pytest.fixture
def trained(toy, start):
    return lambda *overrides: load_trained(start(toy, "stopping.max_epochs.epochs=2", *overrides).run)


def outputs(trained, split):
    """Return the labels of a split and the outputs of the toy's two layers, in float64."""
    model = trained.plan.experiment.model
    arrays = {name: array.astype(np.float64) for name, array in model.views(model.theta).items()}
    digits = read_split(trained.plan.experiment.data, split)
    x = digits.images.reshape(len(digits.images), -1) / 255
    hidden = np.tanh(x @ arrays["hidden.W"] + arrays["hidden.b"])
    return digits.labels, hidden @ arrays["output.W"] + arrays["output.b"]


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_predictions_agree_with_a_recount(trained, split):
    found = trained("evaluation.batch_size=7")  # leaves a ragged batch
    labels, z = outputs(found, split)
    predictions = predictions_of(found, split)
    np.testing.assert_array_equal(predictions.labels, labels)
    np.testing.assert_array_equal(predictions.predicted, z.argmax(axis=1))
    assert predictions.probabilities is not None
    np.testing.assert_allclose(predictions.probabilities, softmax(z, axis=1), atol=1e-6)


def test_binary_predictions_have_two_probabilities(trained):
    layers = "model.layers={hidden: {type: dense, units: 12, activation: tanh}, output: {type: dense, units: 1}}"
    found = trained("data.labels={positive: [0, 1]}", "loss={type: binary_nll}", layers)
    labels, z = outputs(found, "valid")
    predictions = predictions_of(found, "valid")
    assert predictions.classes == 2
    np.testing.assert_array_equal(predictions.labels, labels)
    assert predictions.probabilities is not None
    np.testing.assert_allclose(predictions.probabilities, np.hstack([1 - expit(z), expit(z)]), atol=1e-6)


def test_scores_are_no_probabilities(trained):
    found = trained("loss={type: squared_error}")
    _, z = outputs(found, "valid")
    predictions = predictions_of(found, "valid")
    assert predictions.probabilities is None
    np.testing.assert_array_equal(predictions.predicted, z.argmax(axis=1))
    np.testing.assert_array_equal(
        predictions.misclassified, np.flatnonzero(predictions.predicted != predictions.labels)
    )


def test_confusion_is_that_of_an_evaluation(toy, start):
    run = start(toy).run
    predictions = predictions_of(load_trained(run), "valid")
    assert predictions.confusion.tolist() == evaluate(run, "valid", "best", print).confusion
    assert predictions.confusion.sum() == 60


def test_most_confident_mistakes_come_first():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7], [0.4, 0.6]])
    predictions = Predictions(np.array([1, 0, 0, 1, 0]), p.argmax(axis=1), p, 2)
    assert predictions.misclassified.tolist() == [0, 1, 2, 4]  # of equals the earlier first
    assert predictions.confusion.tolist() == [[0, 3], [1, 1]]


@pytest.mark.parametrize("count", [1, 5, 60, 1000])
def test_some_can_be_asked_about(trained, count):
    found = trained("evaluation.batch_size=4")
    everything = predictions_of(found, "valid")
    some = predictions_of(found, "valid", count)
    np.testing.assert_array_equal(some.predicted, everything.predicted[:count])
    assert len(found.first("valid", count)[1]) == min(count, 60)


def test_batches_are_those_of_evaluations(trained):
    assert [len(x) for x, _ in trained("evaluation.batch_size=25").batches("valid")] == [25, 25, 10]


def test_split_that_there_is_not_is_refused_with_those_that_there_are(trained):
    found = trained("data.validation_examples=0", "checkpoint.monitor=last")
    with pytest.raises(UsageError, match=r"without that split; there are train \(360\), test \(80\)"):
        predictions_of(found, "valid")


@pytest.mark.parametrize("loss", ["softmax_nll", "squared_error"])
@pytest.mark.parametrize("value", [np.nan, 3e38])  # the second overflows on the way
def test_outputs_that_are_no_numbers_are_refused(trained, loss, value):
    found = trained(f"loss={{type: {loss}}}")
    found.plan.experiment.model.theta[-16:] = value
    with pytest.raises(DivergedError, match="the model's outputs are not finite numbers"):
        predictions_of(found, "valid")


@pytest.mark.parametrize("overrides", [[], ["preprocess=[{type: whiten, dimensions: 9}]"], ["data.stream_above_mb=0"]])
def test_images_are_those_of_the_data_set(trained, overrides):
    found = trained(*overrides)
    places = np.array([3, 0, 59])
    images = images_at(found, "valid", places)
    np.testing.assert_array_equal(images, read_split(found.plan.experiment.data, "valid").images[places])
    assert images.dtype == np.uint8
