"""Views of a batch in both orders of memory. Every test holds for both, and for batches of one."""

import numpy as np
import pytest

from mnistnn.backend.memory_order import (
    as_examples,
    as_rows,
    images_first,
    images_last,
    in_memory_order,
    is_images_last,
)

SHAPES = [(4, 3, 5, 2), (4, 5, 2), (4, 6), (1, 3, 5, 2), (4, 1, 1, 1), (4,)]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_order = pytest.mark.parametrize("last", [False, True], ids=["plain", "images-last"])


def batch(shape, last):
    """Return x with the numbers 0, 1, … in the order of examples, whatever the order in memory."""
    x = np.arange(np.prod(shape)).reshape(shape)
    return images_first(np.ascontiguousarray(images_last(x))) if last else x


@each_shape
def test_images_last_moves_the_first_axis_to_the_end(shape):
    x = batch(shape, last=False)
    found = images_last(x)
    assert np.array_equal(found, np.moveaxis(x, 0, -1))
    assert np.shares_memory(found, x)


@each_shape
def test_images_first_undoes_it(shape):
    x = batch(shape, last=False)
    found = images_first(images_last(x))
    assert np.array_equal(found, x)
    assert found.flags.c_contiguous


@pytest.mark.parametrize("shape", [(4, 3, 5, 2), (4, 5, 2), (4, 6)], ids=str)
def test_order_is_recognised(shape):
    assert is_images_last(batch(shape, last=True))
    assert not is_images_last(batch(shape, last=False))


@pytest.mark.parametrize("shape", [(1, 3, 5, 2), (4, 1, 1, 1), (4,)], ids=str)
def test_batch_that_is_in_both_orders_counts_as_plain(shape):
    assert not is_images_last(batch(shape, last=True))


def test_batch_in_neither_order_is_not_images_last():
    assert not is_images_last(batch((4, 3, 5, 2), last=False)[:, :, 1:4])
    assert not is_images_last(batch((4, 3, 5, 2), last=True)[:, :, 1:4])


@each_order
@each_shape
def test_axes_in_the_order_of_memory_are_contiguous(shape, last):
    x = batch(shape, last)
    found = in_memory_order(x)
    assert found.flags.c_contiguous
    assert found.ctypes.data == x.ctypes.data


@each_order
@each_shape
def test_rows_are_the_numbers_of_each_example_without_a_copy(shape, last):
    x = batch(shape, last)
    rows = as_rows(x)
    assert np.array_equal(rows, np.arange(x.size).reshape(len(x), -1))
    assert np.shares_memory(rows, x)


@each_order
@each_shape
def test_rows_become_examples_again_without_a_copy(shape, last):
    x = batch(shape, last)
    found = as_examples(as_rows(x), shape[1:])
    assert np.array_equal(found, x)
    assert found.ctypes.data == x.ctypes.data
