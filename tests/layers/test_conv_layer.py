"""The convolutional layer: shapes, what it declares, its parts against each other, and what a user is told."""

from typing import Any

import numpy as np
import pytest

from mnistnn.backend import threads
from mnistnn.backend.memory_order import images_first, images_last
from mnistnn.kernels import windows
from mnistnn.layers import conv
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.activations import ACTIVATIONS
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.pool import Pool
from mnistnn.models.sequential import Sequential
from mnistnn.types import ShapeError


def ready(layers, in_shape, dtype="float64") -> Any:
    model = Sequential(layers=layers)
    model.build(in_shape)
    model.allocate(np, dtype)
    model.initialize(0)
    model.theta[...] = np.random.default_rng(2).normal(size=model.size)
    return model


def through(model, x):
    """Return copies of y, dx and the gradients of the first layer's W and b."""
    y = model.forward(x, train=True).copy()
    dy: Any = np.random.default_rng(3).normal(size=y.shape).astype(y.dtype)
    for layer in reversed(model.layers.values()):
        dy = layer.backward(dy)
    first = next(iter(model.layers.values()))
    return [y, dy.copy(), first.dW.copy(), first.db.copy()]


def images(*shape, dtype="float64"):
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


@pytest.mark.parametrize(
    ("keys", "in_shape", "out_shape"),
    [
        ({"kernel": 5}, (28, 28), (4, 24, 24)),
        ({"kernel": 5}, (3, 28, 28), (4, 24, 24)),
        ({"kernel": [3, 5]}, (10, 9), (4, 8, 5)),
        ({"kernel": 5, "padding": 2}, (28, 28), (4, 28, 28)),
        ({"kernel": [3, 5], "padding": [1, 2]}, (10, 9), (4, 10, 9)),
        ({"kernel": 3, "stride": 2}, (10, 9), (4, 4, 4)),
        ({"kernel": 3, "stride": [2, 1]}, (10, 9), (4, 4, 7)),
        ({"kernel": 5, "pool": 2}, (28, 28), (4, 12, 12)),
        ({"kernel": 2, "pool": [2, 3]}, (10, 9), (4, 4, 2)),
        ({"kernel": [10, 9]}, (10, 9), (4, 1, 1)),
        ({"kernel": 11, "padding": [1, 2], "stride": 7}, (10, 9), (4, 1, 1)),
    ],
    ids=str,
)
def test_shape_of_the_output(keys, in_shape, out_shape):
    layer = Conv(maps=4, **keys)
    assert layer.build(in_shape)[0] == out_shape
    model = ready({"conv": layer}, in_shape)
    y, dx, *_ = through(model, images(3, *in_shape))
    assert (y.shape, dx.shape) == ((3, *out_shape), (3, *in_shape))


@pytest.mark.parametrize(("pool", "n_out"), [(None, 20 * 25), (2, 20 * 25 // 4), ([1, 3], 20 * 25 // 3)])
def test_parameters_and_the_fan_of_the_published_program(pool, n_out):
    _, (W, b) = Conv(maps=20, kernel=5, pool=pool, activation="tanh").build((3, 28, 28))
    assert (W.name, W.shape, W.kind) == ("W", (20, 3, 5, 5), "weight")
    assert (b.name, b.shape, b.kind) == ("b", (20,), "bias")
    assert (W.fan.n_in, W.fan.n_out, W.fan.activation) == (3 * 25, n_out, "tanh")


def test_multiply_adds_are_those_before_the_pool():
    layer = Conv(maps=20, kernel=5, pool=2)
    layer.build((28, 28))
    assert layer.multiply_adds == 20 * 25 * 24 * 24


def test_padding_is_zeros_around_the_image():
    keys: dict[str, Any] = {"maps": 3, "kernel": [3, 2], "activation": "tanh"}
    x = images(4, 2, 5, 6)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)))
    found = through(ready({"conv": Conv(padding=[1, 2], **keys)}, x.shape[1:]), x)
    expected = through(ready({"conv": Conv(**keys)}, padded.shape[1:]), padded)
    expected[1] = expected[1][:, :, 1:-1, 2:-2]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-13)


def test_padding_stays_zero_for_smaller_and_larger_batches():
    layer = Conv(maps=2, kernel=3, padding=1)
    model = ready({"conv": layer}, (4, 4))
    for n in (3, 1, 5, 2):
        x = images(n, 4, 4)
        expected = ready({"conv": Conv(maps=2, kernel=3, padding=1)}, (4, 4)).forward(x, train=True)
        assert np.array_equal(model.forward(x, train=True), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ties", ["first", "all"])
@pytest.mark.parametrize("f", ACTIVATIONS)
def test_own_pool_is_a_pool_layer_between_convolution_and_activation(f, ties, dtype):
    x = images(4, 2, 8, 7, dtype=dtype)
    x[0] = 0  # everything is equal there
    own = {"conv": Conv(maps=3, kernel=[3, 2], pool=2, activation=f, ties=ties)}
    apart = {
        "conv": Conv(maps=3, kernel=[3, 2]),
        "pool": Pool(size=2, ties=ties),
        "bent": ActivationLayer(activation=f),
    }
    tolerance = 100 * np.finfo(dtype).eps
    found, expected = (through(ready(layers, (2, 8, 7), dtype), x) for layers in (own, apart))
    if ties == "all":  # a bias below the pool gets the gradient from each of several equal pixels
        found, expected = found[:3], expected[:3]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_bias_above_the_own_pool_gets_each_gradient_once():
    x = np.zeros((4, 2, 8, 7))
    for ties in ("first", "all"):
        model = ready({"conv": Conv(maps=3, kernel=[3, 2], pool=2, ties=ties)}, (2, 8, 7))
        y = model.forward(x, train=True)
        model.backward(np.ones_like(y))
        assert model.layers["conv"].db.tolist() == [4 * 3 * 3] * 3


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_own_pool_gives_what_a_pool_of_the_activated_convolution_gives(f):
    """All activations increase, so the largest stays the largest; where a ReLU makes many 0, none has a gradient."""
    x = images(4, 2, 8, 7)
    own = {"conv": Conv(maps=3, kernel=[3, 2], pool=2, activation=f)}
    after = {"conv": Conv(maps=3, kernel=[3, 2], activation=f), "pool": Pool(size=2)}
    found, expected = (through(ready(layers, (2, 8, 7)), x) for layers in (own, after))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_kernel_as_large_as_the_image_is_a_dense_layer():
    x = images(4, 2, 5, 6)
    found = through(ready({"conv": Conv(maps=7, kernel=[5, 6], activation="tanh")}, (2, 5, 6)), x)
    dense = ready({"dense": Dense(units=7, activation="tanh")}, (2, 5, 6))
    parts = dense.views(dense.theta)
    W, b = np.split(ready({"conv": Conv(maps=7, kernel=[5, 6])}, (2, 5, 6)).theta, [7 * 60])
    parts["dense.W"][...], parts["dense.b"][...] = W.reshape(7, 60).T, b
    y, dx, dW, db = through(dense, x)
    for one, other in zip(found, [y[:, :, None, None], dx, dW.T, db], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_flipped_is_the_same_model_with_kernels_turned():
    x = images(4, 2, 8, 7)
    plain, flipped = (ready({"conv": Conv(maps=3, kernel=[3, 2], flipped=f)}, (2, 8, 7)) for f in (False, True))
    parts = flipped.views(flipped.theta)
    parts["conv.W"][...] = parts["conv.W"][:, :, ::-1, ::-1].copy()
    y, dx, dW, db = through(plain, x)
    turned = dW.reshape(3, 2, 3, 2)[:, :, ::-1, ::-1].reshape(3, -1)
    for one, other in zip(through(flipped, x), [y, dx, turned, db], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("padding", [0, 1])
def test_order_in_memory_of_what_comes_in_does_not_matter(padding):
    plain = images(4, 2, 8, 7)
    last, neither = images_first(np.ascontiguousarray(images_last(plain))), np.repeat(plain, 2, axis=3)[..., ::2]
    expected, *others = (
        through(ready({"conv": Conv(maps=3, kernel=3, pool=2, padding=padding)}, (2, 8, 7)), x)
        for x in (plain, last, neither)
    )
    for found in others:
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("pool", [None, 2])
def test_parts_shares_and_workers_change_nothing(pool, monkeypatch):
    def results():
        model = ready(
            {"a": Conv(maps=5, kernel=3, pool=pool, activation="tanh"), "b": Conv(maps=4, kernel=2)}, (12, 10)
        )
        return through(model, images(6, 12, 10))

    expected = results()
    for part in (1, 500, 3000):
        monkeypatch.setattr(windows, "PART", part)
        monkeypatch.setattr(conv, "PART", part)
        for workers in (1, 3):
            with threads.allowed(workers):
                for one, other in zip(results(), expected, strict=True):
                    np.testing.assert_allclose(one, other, atol=1e-11)


@pytest.mark.parametrize(
    ("keys", "in_shape", "message"),
    [
        ({"kernel": 29}, (28, 28), "kernel 29×29 is larger than the image, 28×28"),
        ({"kernel": [3, 8]}, (2, 9, 7), "kernel 3×8 is larger than the image, 2×9×7"),
        (
            {"kernel": 13, "padding": [1, 0]},
            (10, 13),
            "kernel 13×13 is larger than the image, 10×13 (12×13 with padding)",
        ),
        ({"kernel": 5, "pool": [25, 2]}, (28, 28), "pool 25×2 does not fit: the kernel makes 24×24 of 28×28"),
        ({"kernel": 5}, (784,), "needs images, height×width or channels×height×width, and its input is 784: flat"),
    ],
)
def test_image_that_does_not_fit_is_refused(keys, in_shape, message):
    with pytest.raises(ShapeError) as caught:
        Conv(maps=4, **keys).build(in_shape)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("keys", "in_shape", "algorithm"),
    [
        ({"maps": 50, "kernel": 5}, (20, 12, 12), "Winograd"),
        ({"maps": 50, "kernel": 5, "method": "direct"}, (20, 12, 12), "Direct"),
        ({"maps": 20, "kernel": 5}, (28, 28), "Direct"),
        ({"maps": 20, "kernel": 5, "method": "winograd"}, (28, 28), "Winograd"),
        ({"maps": 16, "kernel": 3, "padding": 1}, (16, 14, 14), "Winograd"),
        ({"maps": 16, "kernel": 3, "stride": 2}, (16, 14, 14), "Direct"),
    ],
)
def test_method_is_the_cheaper_one_unless_it_is_named(keys, in_shape, algorithm):
    layer = Conv(**keys)
    layer.build(in_shape)
    assert type(layer.algorithm).__name__ == algorithm


def test_winograd_is_refused_for_windows_that_it_is_not_made_for():
    with pytest.raises(ShapeError, match="winograd is for square kernels of 3 to 6 px that move by one"):
        Conv(maps=8, kernel=[3, 5], method="winograd").build((8, 9, 9))


@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("pool", [None, 2])
def test_both_methods_agree_also_where_tiles_reach_beyond_the_images(pool, padding):
    direct, winograd = (
        through(
            ready(
                {"a": Conv(maps=3, kernel=5, padding=padding, pool=pool, activation="tanh", method=method)}, (2, 9, 11)
            ),
            images(6, 2, 9, 11),
        )
        for method in ("direct", "winograd")
    )
    for one, other in zip(direct, winograd, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-11)


@pytest.mark.parametrize("count", [1, 3])
def test_each_worker_needs_memory_of_its_own_and_it_is_counted(count, monkeypatch):
    for module in (windows, conv):
        monkeypatch.setattr(module, "PART", 200)
    layer, x = Conv(maps=2, kernel=3, pool=2), images(5, 12, 12)
    with threads.allowed(count):
        through(ready({"conv": layer}, x.shape[1:]), x)
    assert layer.scratch.nbytes == x.itemsize * layer.memory(len(x), train=True, workers=count)
