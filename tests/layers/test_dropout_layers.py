"""Dropout of units and of weights: their masks, what they compute in training, and what they compute afterwards."""

from typing import Any

import numpy as np
import pytest

from mnistnn.backend.memory_order import images_first, images_last
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.types import ShapeError

IN_SHAPE = (4, 5)


def ready(layer, seed=0, part=0, dtype="float64") -> Any:
    """Return a layer with random parameters, at the beginning of update 0."""
    rng = np.random.default_rng(0)
    _, parameters = layer.build(IN_SHAPE)
    values = {p.name: rng.normal(size=p.shape).astype(dtype) for p in parameters}
    layer.bind(values, {name: np.full_like(value, np.nan) for name, value in values.items()})
    layer.seed(seed, part)
    layer.begin_update(0)
    return layer


def images(n=30, dtype="float64"):
    return np.random.default_rng(1).uniform(0.5, 1.5, size=(n, *IN_SHAPE)).astype(dtype)


LAYERS = {
    "dropout": lambda keep: Dropout(keep=keep),
    "dropconnect": lambda keep: DropConnect(units=3, keep=keep),
    "dropconnect-per-example": lambda keep: DropConnect(units=3, keep=keep, per_example=True),
}
each_layer = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in LAYERS.items()])


def trained(layer, update=0):
    layer.begin_update(update)
    return layer.forward(images(), train=True).copy()


@each_layer
def test_same_seed_part_and_update_give_the_same_masks(make):
    one, other = ready(make(0.5)), ready(make(0.5))
    trained(one, update=7)
    assert np.array_equal(trained(one, update=3), trained(other, update=3))


@each_layer
def test_masks_stand_still_within_an_update(make):
    layer = ready(make(0.5))
    assert np.array_equal(layer.forward(images(), train=True).copy(), layer.forward(images(), train=True))


@each_layer
def test_masks_differ_between_updates(make):
    layer = ready(make(0.5))
    assert not np.array_equal(trained(layer, update=0), trained(layer, update=1))


@each_layer
def test_masks_differ_between_seeds(make):
    assert not np.array_equal(trained(ready(make(0.5), seed=0)), trained(ready(make(0.5), seed=1)))


@each_layer
def test_masks_differ_between_layers_of_a_model(make):
    assert not np.array_equal(trained(ready(make(0.5), part=0)), trained(ready(make(0.5), part=1)))


@each_layer
def test_mean_over_masks_is_the_output_in_use(make):
    """Each output is a linear function of its masks, so the mean of the masks gives the mean of the outputs."""
    layer, updates = ready(make(0.7)), 4000
    drawn = np.stack([trained(layer, update) for update in range(updates)])
    standard_error = drawn.std(axis=0) / np.sqrt(updates)
    assert (abs(drawn.mean(axis=0) - layer.forward(images(), train=False)) < 5.5 * standard_error).all()


def test_dropout_divides_what_it_keeps_and_zeroes_the_rest():
    x = images()
    y = ready(Dropout(keep=0.7)).forward(x, train=True)
    kept = y != 0
    assert 0.6 < kept.mean() < 0.8
    np.testing.assert_allclose(y[kept], x[kept] / 0.7, rtol=1e-15)


def test_dropout_draws_a_mask_for_each_example():
    dropped = ready(Dropout(keep=0.5)).forward(images(), train=True) == 0
    assert len({row.tobytes() for row in dropped}) == len(dropped)


def test_dropout_sends_the_gradient_back_where_it_kept():
    layer, x = ready(Dropout(keep=0.7)), images()
    y = layer.forward(x, train=True).copy()
    dy = np.random.default_rng(2).normal(size=x.shape)
    expected = dy * (y / x)
    np.testing.assert_allclose(layer.backward(dy), expected, rtol=1e-14)


def test_dropout_in_use_is_the_identity_without_a_copy():
    x = images()
    assert ready(Dropout(keep=0.5)).forward(x, train=False) is x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_that_keeps_all_is_the_identity_bit_for_bit(dtype):
    layer, x = ready(Dropout(keep=1.0), dtype=dtype), images(dtype=dtype)
    assert np.array_equal(layer.forward(x, train=True), x)
    assert np.array_equal(layer.backward(x.copy()), x)


def whole_maps(x, keep=0.6):
    layer = Dropout(keep=keep, whole_maps=True)
    layer.build(x.shape[1:])
    layer.seed(0, 0)
    layer.begin_update(0)
    return layer, layer.forward(x, train=True)


def test_whole_maps_drops_channels_of_each_image_as_a_whole():
    x = np.random.default_rng(1).uniform(0.5, 1.5, size=(40, 5, 3, 4))
    _, y = whole_maps(x)
    kept = y != 0
    assert np.array_equal(kept.any(axis=(2, 3)), kept.all(axis=(2, 3)))
    assert 0.5 < kept.mean() < 0.7
    np.testing.assert_allclose(y[kept], x[kept] / 0.6, rtol=1e-15)
    assert len({image.tobytes() for image in kept}) > 20


def test_whole_maps_sends_the_gradient_back_where_it_kept():
    x = np.random.default_rng(1).uniform(0.5, 1.5, size=(40, 5, 3, 4))
    layer, y = whole_maps(x)
    dy = np.random.default_rng(2).normal(size=x.shape)
    expected = dy * (y / x)
    np.testing.assert_allclose(layer.backward(dy), expected, rtol=1e-14)


def test_whole_maps_draws_the_same_whatever_the_order_in_memory():
    x = np.random.default_rng(1).uniform(0.5, 1.5, size=(40, 5, 3, 4))
    reordered = images_first(np.ascontiguousarray(images_last(x)))
    assert np.array_equal(whole_maps(x)[1], whole_maps(reordered)[1])


@pytest.mark.parametrize(("in_shape", "shown"), [((28, 28), "28×28"), ((12,), "12")])
def test_whole_maps_needs_channels(in_shape, shown):
    with pytest.raises(ShapeError, match=f"whole_maps needs images of several channels, and its input is {shown}$"):
        Dropout(whole_maps=True).build(in_shape)


def through(layer, x):
    """Return copies of the outputs in training and in use, and of all gradients."""
    in_use = layer.forward(x, train=False).copy()
    y = layer.forward(x, train=True).copy()
    dx = layer.backward(np.cos(y)).copy()
    return [in_use, y, dx, layer.dW.copy(), layer.db.copy()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropconnect_that_keeps_all_is_dense_bit_for_bit(dtype):
    dense = ready(Dense(units=3, activation="tanh"), dtype=dtype)
    masked = ready(DropConnect(units=3, activation="tanh", keep=1.0), dtype=dtype)
    for found, expected in zip(through(masked, images(dtype=dtype)), through(dense, images(dtype=dtype)), strict=True):
        assert np.array_equal(found, expected)


def test_dropconnect_per_example_that_keeps_all_is_dense():
    dense = ready(Dense(units=3, activation="tanh"))
    masked = ready(DropConnect(units=3, activation="tanh", keep=1.0, per_example=True))
    for found, expected in zip(through(masked, images()), through(dense, images()), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-13)


def test_dropconnect_masks_weights_alike_for_all_examples_and_never_biases():
    layer = ready(DropConnect(units=3, keep=0.5))
    x = np.concatenate([np.zeros((1, 20)), np.eye(20)]).reshape(21, *IN_SHAPE)
    y = layer.forward(x, train=True)
    assert np.array_equal(y[0], layer.b)
    masked = y[1:] - layer.b  # (20, 3): row m is the masked row m of W
    dropped = abs(masked) < 1e-12
    assert 0.3 < dropped.mean() < 0.7
    np.testing.assert_allclose(masked[~dropped], layer.W[~dropped], rtol=1e-12)


def test_dropconnect_draws_a_mask_for_each_example_if_asked_to():
    x = np.repeat(images(1), 6, axis=0)
    for per_example, distinct in ((False, 1), (True, 6)):
        layer = ready(DropConnect(units=3, keep=0.5, per_example=per_example))
        assert len(np.unique(layer.forward(x, train=True).round(12), axis=0)) == distinct


def test_dropconnect_has_no_gradient_where_a_weight_was_dropped():
    layer = ready(DropConnect(units=3, keep=0.5))
    layer.backward(np.ones_like(layer.forward(images(), train=True)))
    dropped = layer.dW == 0
    assert 0.3 < dropped.mean() < 0.7
    assert np.array_equal(~dropped, layer.mask[0] == 1)


def test_dropconnect_in_use_scales_the_weights_and_not_the_biases():
    layer = ready(DropConnect(units=3, keep=0.75, activation="sigmoid"))
    z = images().reshape(30, 20) @ (layer.W * 0.75) + layer.b
    np.testing.assert_allclose(layer.forward(images(), train=False), 1 / (1 + np.exp(-z)), rtol=1e-12)


def test_dropconnect_declares_the_parameters_of_a_dense_layer():
    declared, expected = (kind(units=3).build(IN_SHAPE) for kind in (DropConnect, Dense))
    assert declared[0] == expected[0] == (3,)
    assert [(p.name, p.shape, p.kind) for p in declared[1]] == [(p.name, p.shape, p.kind) for p in expected[1]]


@pytest.mark.parametrize("kind", [Dropout, DropConnect])
@pytest.mark.parametrize("keep", [0.0, -0.1, 1.1])
def test_keep_is_a_probability_above_zero(kind, keep):
    with pytest.raises(ValueError, match="keep"):
        kind(keep=keep, **({"units": 3} if kind is DropConnect else {}))
