"""Outputs and gradients, layer by layer, against NumPy and finite differences."""

from dataclasses import astuple

import numpy as np
import pytest
from scipy.special import softmax

from mnistnn.analysis.inspection.layer_statistics import spread_of, statistics_of, table
from mnistnn.data.splits import read_split
from mnistnn.errors import DivergedError, UsageError
from mnistnn.experiment.trained import load_trained

# Every kind of layer that behaves otherwise in training.
RANDOM = (
    "model.layers={hidden: null, output: null, drop: {type: dropout, keep: 0.7}, "
    "some: {type: dropconnect, units: 6, activation: tanh, keep: 0.6}, half: {type: dropout}, "
    "own: {type: dropconnect, units: 5, activation: sigmoid, keep: 0.8, per_example: true}, "
    "last: {type: dense, units: 4}}"
)
NORMAL = (
    "model.layers={hidden: null, output: null, conv: {type: conv, maps: 3, kernel: 3, pool: 2}, "
    "norm: {type: batch_norm}, bend: {type: activation, activation: relu}, last: {type: dense, units: 4}}"
)


@pytest.fixture
def trained(toy, start):
    more = ("stopping.max_epochs.epochs=2", "backend.dtype=float64")
    return lambda *overrides: load_trained(start(toy, *more, *overrides).run)


def loss_of(trained, train):
    """Return the mean loss on the first 20 validation examples."""
    x, labels = trained.first("valid", 20)
    experiment = trained.plan.experiment
    return experiment.loss.score(experiment.model.forward(x, train=train), labels).loss / len(x)


def numeric_gradient(trained, train):
    """Return the gradient of that loss by central differences, number by number."""
    theta = trained.plan.experiment.model.theta
    grad = np.empty(theta.size)
    for i in range(theta.size):
        start = theta[i]
        theta[i] = start + 1e-5
        above = loss_of(trained, train)
        theta[i] = start - 1e-5
        grad[i] = (above - loss_of(trained, train)) / 2e-5
        theta[i] = start
    return grad


def test_spread_is_that_of_numpy():
    x = np.array([[0.0, -3.0, 4.0], [0.0, 0.5, 1.0]], dtype=np.float32)
    expected = (float(x.mean()), float(x.std()), -3.0, 4.0, float(np.linalg.norm(x)), 2 / 6)
    assert astuple(spread_of(x)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("layers", "train"), [(RANDOM, False), (NORMAL, True)], ids=["random", "normal"])
def test_gradients_agree_with_finite_differences(trained, layers, train):
    found = trained(layers)
    model = found.plan.experiment.model
    statistics = statistics_of(found, "valid", 20)
    numeric = model.views(numeric_gradient(found, train))
    assert [each.name for each in statistics.parameters] == list(numeric)
    assert statistics.loss == pytest.approx(loss_of(found, train), rel=1e-12)
    for each in statistics.parameters:
        expected = spread_of(numeric[each.name])
        assert each.gradient.norm == pytest.approx(expected.norm, rel=1e-5, abs=1e-9)
        assert each.gradient.deviation == pytest.approx(expected.deviation, rel=1e-5, abs=1e-9)
        assert each.norm == pytest.approx(np.linalg.norm(model.views(model.theta)[each.name]))


def test_outputs_and_their_gradients_are_those_of_the_formulas(trained):
    found = trained()
    arrays = found.plan.experiment.model.views(found.plan.experiment.model.theta)
    digits = read_split(found.plan.experiment.data, "train")
    x = digits.images[:50].reshape(50, -1) / 255
    hidden = np.tanh(x @ arrays["hidden.W"] + arrays["hidden.b"])
    z = hidden @ arrays["output.W"] + arrays["output.b"]
    dz = (softmax(z, axis=1) - np.eye(4)[digits.labels[:50]]) / 50
    statistics = statistics_of(found, "train", 50)
    assert statistics.examples == 50
    for spread, expected in [
        (statistics.inputs, x),
        (statistics.layers[0].outputs, hidden),
        (statistics.layers[0].gradient, dz @ arrays["output.W"].T),
        (statistics.layers[1].outputs, z),
        (statistics.layers[1].gradient, dz),
    ]:
        np.testing.assert_allclose(astuple(spread), astuple(spread_of(expected)), rtol=1e-9, atol=1e-12)
    assert (statistics.layers[0].saturated, statistics.layers[1].saturated) == ((abs(hidden) > 0.99).mean(), None)


def test_saturated_and_zero_outputs_are_counted(trained):
    found = trained()
    layer = found.plan.experiment.model.layers["hidden"]
    layer.W[:, :3] = 0.0
    layer.b[:3] = [9.0, -9.0, 0.0]
    hidden = statistics_of(found, "valid", 60).layers[0]
    assert hidden.outputs.zeros == pytest.approx(1 / 12)
    assert hidden.saturated == pytest.approx(2 / 12)


def test_gradient_that_cannot_pass_is_zero(trained):
    found = trained("model.layers.hidden.activation=relu")
    layer = found.plan.experiment.model.layers["hidden"]
    layer.W[...], layer.b[...] = 0.0, -1.0
    first = statistics_of(found, "valid", 60).parameters[0]
    assert (first.name, first.norm, first.ratio) == ("hidden.W", 0.0, None)
    assert (first.gradient.norm, first.gradient.zeros) == (0.0, 1.0)


@pytest.mark.parametrize("layers", [RANDOM, NORMAL], ids=["random", "normal"])
def test_model_is_left_as_it_was(trained, layers):
    found = trained(layers)
    model = found.plan.experiment.model
    before = model.values.copy()
    statistics_of(found, "valid", 20)
    np.testing.assert_array_equal(model.values, before)
    assert all(layer.draws_itself for layer in model.random_layers)


def test_no_more_examples_than_there_are(trained):
    assert statistics_of(trained(), "valid", 1000).examples == 60


def test_outputs_that_are_no_numbers_are_refused_by_name(trained):
    found = trained()
    found.plan.experiment.model.layers["output"].W[...] = np.nan
    with pytest.raises(DivergedError, match="the outputs of output are not finite numbers"):
        statistics_of(found, "valid", 60)


def test_missing_split_is_refused(trained):
    with pytest.raises(UsageError, match="there are no valid examples"):
        statistics_of(trained("data.validation_examples=0", "checkpoint.monitor=last"), "valid", 60)


def test_table_has_a_line_for_each_layer_and_parameter(trained):
    found = statistics_of(trained(), "valid", 60)
    layers, parameters = "\n".join(table(found)).split("\n\n")
    assert [line.split()[0] for line in layers.split("\n")] == ["layer", "input", "hidden", "output"]
    assert [line.split()[0] for line in parameters.split("\n")] == [
        "parameter", "hidden.W", "hidden.b", "output.W", "output.b",
    ]  # fmt: skip
    assert len({len(line) for line in parameters.split("\n")}) == 1
