"""The layer of batch normalisation: what it collects, what it uses, and what becomes of that in whole runs."""

import json
from typing import Any

import numpy as np
import pytest

from mnistnn.backend.memory_order import images_first, images_last
from mnistnn.experiment.trained import load_trained
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropout import Dropout
from mnistnn.models.sequential import Sequential
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

IMAGES = (3, 4, 5)


def ready(layer, in_shape, dtype="float64"):
    """Return a layer with its initial parameters."""
    _, parameters = layer.build(in_shape)
    values = {p.name: p.init.draw(np.random.default_rng(0), p.shape, p.fan).astype(dtype) for p in parameters}
    layer.bind(values, {name: np.full_like(value, np.nan) for name, value in values.items()})
    return layer


def batch(n, in_shape, seed=1):
    return np.random.default_rng(seed).normal(loc=2.0, scale=3.0, size=(n, *in_shape))


@pytest.mark.parametrize(("in_shape", "features"), [((6,), 6), ((4, 5), 20), (IMAGES, 3)], ids=str)
def test_features_are_units_pixels_or_channels(in_shape, features):
    out_shape, parameters = BatchNorm().build(in_shape)
    assert out_shape == in_shape
    assert [(p.name, p.shape, p.kind) for p in parameters] == [
        ("gamma", (features,), "bias"),
        ("beta", (features,), "bias"),
        ("mean", (features,), "statistic"),
        ("variance", (features,), "statistic"),
    ]


@pytest.mark.parametrize("in_shape", [(6,), (4, 5)], ids=str)
def test_each_unit_is_normalised_over_the_batch(in_shape):
    x = batch(8, in_shape)
    y = ready(BatchNorm(epsilon=1e-12), in_shape).forward(x, train=True)
    np.testing.assert_allclose(y, (x - x.mean(axis=0)) / x.std(axis=0), atol=1e-10)


@pytest.mark.parametrize("last", [False, True], ids=["plain", "images-last"])
def test_each_channel_is_normalised_over_all_positions_of_all_images(last):
    x = batch(8, IMAGES)
    given = images_first(np.ascontiguousarray(images_last(x))) if last else x
    y = ready(BatchNorm(epsilon=1e-12), IMAGES).forward(given, train=True)
    mean, std = x.mean(axis=(0, 2, 3), keepdims=True), x.std(axis=(0, 2, 3), keepdims=True)
    np.testing.assert_allclose(y, (x - mean) / std, atol=1e-10)


def test_layer_as_it_starts_changes_nothing_in_use():
    x = batch(5, IMAGES)
    np.testing.assert_allclose(ready(BatchNorm(epsilon=1e-12), IMAGES).forward(x, train=False), x, rtol=1e-10)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize(("in_shape", "axes"), [((6,), 0), (IMAGES, (0, 2, 3))], ids=str)
def test_running_averages_follow_the_mean_and_the_unbiased_variance(in_shape, axes, momentum):
    layer = ready(BatchNorm(momentum=momentum), in_shape)
    mean, variance = 0.0, 1.0
    for seed in range(3):
        x = batch(8, in_shape, seed)
        layer.forward(x, train=True)
        mean = momentum * mean + (1 - momentum) * x.mean(axis=axes)
        variance = momentum * variance + (1 - momentum) * x.var(axis=axes, ddof=1)
        np.testing.assert_allclose(layer.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(layer.variance, variance, rtol=1e-12)


@pytest.mark.parametrize(("in_shape", "shape"), [((6,), (1, -1)), (IMAGES, (1, -1, 1, 1))], ids=str)
def test_layer_in_use_takes_the_running_averages_and_leaves_them_alone(in_shape, shape):
    layer = ready(BatchNorm(), in_shape)
    layer.forward(batch(8, in_shape), train=True)
    mean, variance, x = layer.mean.copy(), layer.variance.copy(), batch(3, in_shape, seed=7)
    expected = (x - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + 1e-5)
    np.testing.assert_allclose(layer.forward(x, train=False), expected, atol=1e-12)
    assert np.array_equal(layer.mean, mean)
    assert np.array_equal(layer.variance, variance)


def test_single_example_of_units_is_its_own_mean():
    layer = ready(BatchNorm(momentum=0.5), (6,))
    x = batch(1, (6,))
    assert not layer.forward(x, train=True).any()
    assert np.array_equal(layer.mean, 0.5 * x[0])
    assert np.array_equal(layer.variance, np.full(6, 0.5))
    assert not layer.backward(np.ones((1, 6))).any()


def test_single_image_is_normalised_over_its_positions():
    x = batch(1, IMAGES)
    y = ready(BatchNorm(epsilon=1e-12), IMAGES).forward(x, train=True)
    np.testing.assert_allclose(y.mean(axis=(2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(2, 3)), 1, rtol=1e-10)


def initialized(layers) -> Any:
    """Return a model of rows of four numbers with its initial parameters."""
    model = Sequential(layers=layers)
    model.build((4,))
    model.allocate(np, "float64")
    model.initialize(0)
    return model


def test_statistics_lie_behind_theta_in_the_values():
    model = initialized({"hidden": Dense(units=2), "norm": BatchNorm(), "output": Dense(units=3)})
    assert [name for name, _ in model.layout[-2:]] == ["norm.mean", "norm.variance"]
    assert model.values.size == model.size + 4
    assert model.values[model.size :].tolist() == [0, 0, 1, 1]
    assert np.shares_memory(model.theta, model.values)
    norm = model.layers["norm"]
    norm.mean[...] = 5
    assert model.values[model.size :].tolist() == [5, 5, 1, 1]
    assert "norm.mean" in model.views(model.values)
    assert "norm.mean" not in model.views(model.theta)


def test_sampled_masks_leave_the_running_averages_alone():
    model = initialized({"drop": Dropout(keep=0.5), "norm": BatchNorm(), "output": Dense(units=3)})
    model.values[model.size :] = 2.0
    before, x = model.values.copy(), batch(6, (4,))
    model.begin_update(0)
    y = model.sample(x)
    drop, norm, output = model.layers.values()
    expected = (x * drop.mask - 2.0) / np.sqrt(2.0 + norm.epsilon)
    np.testing.assert_allclose(y, expected @ output.W + output.b, atol=1e-12)
    assert np.array_equal(model.values, before)


# Whole runs, on the toy set.

LAYERS = (
    "model.layers={hidden: null, output: null, h: {type: dense, units: 8}, norm: {type: batch_norm}, "
    "bent: {type: activation, activation: tanh}, drop: {type: dropout, keep: 0.8}, y: {type: dense, units: 4}}"
)


def evaluated(command, *arguments):
    done = command("eval", "run", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def last_norm(run) -> Any:
    """Return the layer as a run left it."""
    return load_trained(run, "last").plan.task.network.layers["norm"]


@pytest.mark.parametrize("optimizer", ["{type: adamw, learning_rate: 0.01, weight_decay: 0.5}", "{type: momentum}"])
def test_optimizers_do_not_move_the_statistics(toy, start, optimizer):
    """With a momentum next to 1 they stay what they were, whatever happens to the parameters."""
    keys = (LAYERS, "model.layers.norm.momentum=0.999999999", f"optimizer={optimizer}")
    norm = last_norm(start(toy, *keys, "optimizer.learning_rate=0.01").run)
    np.testing.assert_allclose(norm.mean, 0, atol=1e-6)
    np.testing.assert_allclose(norm.variance, 1, atol=1e-6)
    assert abs(norm.gamma - 1).max() > 1e-3


def test_checkpoint_carries_statistics_last_and_best(toy, start):
    run = start(toy, LAYERS).run
    tensors = read(newest_first(run.checkpoints)[0]).tensors
    assert tensors["best"].shape == tensors["theta"].shape == (64 * 8 + 8 + 16 + 8 * 4 + 4 + 16,)
    norm = last_norm(run)
    assert np.array_equal([*norm.mean, *norm.variance], tensors["theta"][-16:])
    assert (abs(norm.mean) > 1e-4).all()


def test_best_parameters_measure_what_was_measured_when_they_were_the_best(toy, start, command):
    run = start(toy, LAYERS, "stopping.max_epochs.epochs=15", "optimizer.learning_rate=1.5").run
    best, rows = read_record(run).best, read_rows(run.metrics)
    assert best is not None
    assert best["epoch"] < rows[-1]["epoch"]  # which the large rate sees to
    found = evaluated(command, "--split", "valid")
    assert found["error"] == best["valid.error"]
    assert found["loss"] == pytest.approx(best["valid.loss"], rel=1e-6)
    last = evaluated(command, "--split", "valid", "--checkpoint", "last")
    assert last["loss"] == pytest.approx(rows[-1]["valid.loss"], rel=1e-6)


@pytest.mark.parametrize("updates", [1, 13, 20])
def test_resumed_run_has_the_same_bits(toy, command, stop_after, updates, assert_same_result):
    assert command("train", toy, LAYERS, "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", toy, LAYERS, "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


def test_predictions_of_sampled_masks_depend_on_no_batch(toy, start, command):
    """Were the statistics those of a batch, its size would count; so would the masks, but for a keep next to 1."""
    start(toy, LAYERS, "model.layers.drop.keep=0.999999", "evaluation.batch_size=7")
    sampled, plain = evaluated(command, "--split", "valid", "--mc-samples", 2), evaluated(command, "--split", "valid")
    assert sampled["loss"] == pytest.approx(plain["loss"], rel=1e-4)


def test_refit_collects_statistics_of_its_own(toy, start, command):
    start(toy, LAYERS)
    assert command("refit", "run", "-q").code == 0
    done = command("eval", "latest", "--json")
    assert done.code == 0
    assert json.loads(done.out)["error"] < 0.5
