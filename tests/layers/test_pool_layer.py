import numpy as np
import pytest

from mnistnn.backend.memory_order import images_first, images_last
from mnistnn.layers.pool import Pool
from mnistnn.types import ShapeError


def built(in_shape, **keys):
    layer = Pool(**keys)
    layer.build(in_shape)
    return layer


def images(*shape):
    return np.random.default_rng(1).normal(size=shape)


@pytest.mark.parametrize(
    ("keys", "in_shape", "out_shape"),
    [
        ({}, (28, 28), (1, 14, 14)),
        ({}, (3, 7, 5), (3, 3, 2)),
        ({"size": [1, 5]}, (3, 7, 5), (3, 7, 1)),
        ({"size": 3, "stride": 2}, (3, 7, 6), (3, 3, 2)),
        ({"size": 2, "stride": [3, 1]}, (3, 7, 6), (3, 2, 5)),
        ({"size": "whole"}, (3, 7, 5), (3,)),
        ({"size": "whole"}, (7, 5), (1,)),
        ({"size": "whole", "stride": 2}, (3, 7, 5), (3,)),
    ],
    ids=str,
)
@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_shape_of_the_output(keys, in_shape, out_shape, reduce):
    layer = Pool(reduce=reduce, **keys)
    assert layer.build(in_shape) == (out_shape, [])
    y = layer.forward(images(4, *in_shape), train=True)
    assert y.shape == (4, *out_shape)
    dx = layer.backward(np.ones_like(y))
    assert dx is not None
    assert dx.shape == (4, *in_shape)


def test_pool_of_the_whole_is_one_number_of_each_channel():
    x = images(4, 3, 7, 5)
    for reduce, expected in (("max", x.max(axis=(2, 3))), ("mean", x.mean(axis=(2, 3)))):
        np.testing.assert_allclose(built((3, 7, 5), size="whole", reduce=reduce).forward(x, True), expected, atol=1e-14)


def test_gradient_of_the_mean_of_the_whole_is_spread_evenly():
    layer, dy = built((3, 7, 5), size="whole", reduce="mean"), images(4, 3)
    layer.forward(images(4, 3, 7, 5), train=True)
    dx = layer.backward(dy.copy())
    np.testing.assert_allclose(dx, np.broadcast_to(dy[:, :, None, None] / 35, (4, 3, 7, 5)), atol=1e-15)


@pytest.mark.parametrize("reduce", ["max", "mean"])
def test_order_in_memory_does_not_matter(reduce):
    results = []
    for reorder in (np.ascontiguousarray, lambda a: images_first(np.ascontiguousarray(images_last(a)))):
        layer = built((3, 7, 5), size=3, stride=2, reduce=reduce)
        y = layer.forward(reorder(images(4, 3, 7, 5)), train=True).copy()
        results.append((y, layer.backward(reorder(images(4, 3, 3, 2)))))
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one, other)


def test_pool_keeps_nothing_for_a_gradient_that_nobody_needs():
    layer = built((3, 7, 5))
    y = layer.forward(images(4, 3, 7, 5), train=True)
    before = layer.scratch.nbytes
    assert layer.backward(np.ones_like(y), need_dx=False) is None
    assert layer.scratch.nbytes == before


@pytest.mark.parametrize(
    ("size", "in_shape", "message"),
    [
        (29, (28, 28), "size 29×29 does not fit into 28×28"),
        ([1, 6], (3, 7, 5), "size 1×6 does not fit into 3×7×5"),
        (2, (12,), "needs images, height×width or channels×height×width, and its input is 12: flat"),
        ("whole", (12,), "needs images, height×width or channels×height×width, and its input is 12: flat"),
    ],
)
def test_image_that_does_not_fit_is_refused(size, in_shape, message):
    with pytest.raises(ShapeError) as caught:
        Pool(size=size).build(in_shape)
    assert str(caught.value) == message
