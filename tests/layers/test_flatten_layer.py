from typing import Any

import numpy as np
import pytest

from mnistnn.backend.memory_order import images_first, images_last
from mnistnn.layers.flatten import Flatten

each_order = pytest.mark.parametrize("last", [False, True], ids=["plain", "images-last"])


def batch(last):
    x = np.random.default_rng(1).normal(size=(4, 3, 5, 2))
    return images_first(np.ascontiguousarray(images_last(x))) if last else x


@pytest.mark.parametrize("in_shape", [(3, 5, 2), (5, 2), (6,)], ids=str)
def test_flatten_has_no_parameters_and_one_axis(in_shape):
    assert Flatten().build(in_shape) == ((np.prod(in_shape),), [])


@each_order
def test_rows_are_channel_by_channel_row_by_row_without_a_copy(last):
    x = batch(last)
    y = Flatten().forward(x, train=True)
    assert np.array_equal(y, np.ascontiguousarray(x).reshape(4, 30))
    assert np.shares_memory(y, x)


@each_order
def test_gradient_gets_the_shape_of_the_images_without_a_copy(last):
    x, layer = batch(last), Flatten()
    dy = layer.forward(x, train=True)
    dx: Any = layer.backward(dy)
    assert np.array_equal(dx, x)
    assert np.shares_memory(dx, dy)
    assert layer.backward(dy, need_dx=False) is None
