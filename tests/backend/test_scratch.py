import sys
from types import ModuleType

import numpy as np
import pytest

from mnistnn.backend.memory_order import images_first
from mnistnn.backend.scratch import Scratch

LIKE = np.empty(0, "float32")


def test_array_has_the_shape_and_dtype_asked_for():
    array = Scratch()("y", (4, 3), LIKE)
    assert array.shape == (4, 3)
    assert array.dtype == np.float32


def test_same_role_and_shape_gets_the_same_array():
    scratch = Scratch()
    assert scratch("y", (4, 3), LIKE) is scratch("y", (4, 3), LIKE)


def test_smaller_batch_gets_a_leading_slice():
    scratch = Scratch()
    whole = scratch("y", (4, 3), LIKE)
    part = scratch("y", (2, 3), LIKE)
    assert part.shape == (2, 3)
    assert part.ctypes.data == whole.ctypes.data


def test_batch_of_the_first_size_gets_the_first_memory_again():
    scratch = Scratch()
    first = scratch("y", (4, 3), LIKE)
    scratch("y", (2, 3), LIKE)
    assert scratch("y", (4, 3), LIKE).ctypes.data == first.ctypes.data


def test_larger_batch_gets_more_memory_that_smaller_ones_then_share():
    scratch = Scratch()
    scratch("y", (2, 3), LIKE)
    large = scratch("y", (5, 3), LIKE)
    assert scratch("y", (2, 3), LIKE).ctypes.data == large.ctypes.data
    assert scratch.nbytes == large.nbytes


def test_roles_share_no_memory():
    scratch = Scratch()
    assert not np.shares_memory(scratch("y", (4, 3), LIKE), scratch("dx", (4, 3), LIKE))


@pytest.mark.parametrize(("shape", "dtype"), [((4, 5), "float32"), ((4,), "float32"), ((4, 3), "float64")])
def test_other_examples_or_dtype_get_an_array_of_their_own(shape, dtype):
    scratch = Scratch()
    scratch("y", (4, 3), LIKE)
    array = scratch("y", shape, np.empty(0, dtype))
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype))


def test_array_moves_with_the_library_of_its_model(monkeypatch):
    class DeviceArray:
        def __init__(self, shape, dtype):
            self.shape, self.dtype = tuple(np.atleast_1d(shape)), np.dtype(dtype)

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, part):
            return self

        def reshape(self, shape):
            return DeviceArray(shape, self.dtype)

        @property
        def size(self):
            return np.prod(self.shape)

    cupy = ModuleType("cupy")
    monkeypatch.setattr(cupy, "ndarray", DeviceArray, raising=False)
    monkeypatch.setattr(cupy, "empty", DeviceArray, raising=False)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    scratch = Scratch()
    scratch("y", (4, 3), LIKE)
    assert type(scratch("y", (4, 3), DeviceArray((0,), "float32"))) is DeviceArray
    assert type(scratch("y", (4, 3), LIKE)) is np.ndarray


def images_last_array(dtype="float32"):
    return images_first(np.ones((3, 5, 2, 4), dtype))


def test_array_like_another_has_its_order_in_memory():
    scratch = Scratch()
    for like in (images_last_array(), np.ones((4, 3, 5, 2), "float32")):
        array = scratch.as_laid_out("y", like)
        assert (array.shape, array.dtype, array.strides) == (like.shape, like.dtype, like.strides)


def test_array_like_one_in_neither_order_is_contiguous():
    like = np.ones((4, 3, 5, 4), "float32")[..., ::2]
    assert Scratch().as_laid_out("y", like).flags.c_contiguous


def test_both_orders_share_the_memory_of_a_role():
    scratch = Scratch()
    first = scratch.as_laid_out("y", images_last_array())
    assert scratch.as_laid_out("y", np.ones((4, 3, 5, 2), "float32")).ctypes.data == first.ctypes.data
    assert scratch.nbytes == first.nbytes


def test_nbytes_counts_every_role_once():
    scratch = Scratch()
    scratch("y", (4, 3), LIKE)
    scratch("y", (2, 3), LIKE)
    scratch("dx", (5,), LIKE)
    assert scratch.nbytes == 4 * (12 + 5)
