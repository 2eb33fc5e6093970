from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistnn.data.batches import Batches

ORDERS = ["permute", "sequential"]


def bound(n_examples=23, seed=0, **keys):
    """Return batches of a training set in which example i is an image full of i with label i, all read-only."""
    batches = Batches(**keys)
    labels = np.arange(n_examples)
    x = np.repeat(labels.astype("float32"), 6).reshape(n_examples, 2, 3)
    x.setflags(write=False)
    labels.setflags(write=False)
    batches.bind(x, labels, seed)
    return batches


def labels_of(batches, epoch=1, start=0) -> list[list[int]]:
    return [labels.tolist() for _, labels in batches.of_epoch(epoch, start)]


def flat(parts):
    return [label for part in parts for label in part]


def test_every_order_of_the_schema_is_tested():
    assert set(ORDERS) == set(get_args(Batches.__annotations__["order"]))


@pytest.mark.parametrize("order", ORDERS)
@given(n_examples=st.integers(1, 40), size=st.integers(1, 50), epoch=st.integers(1, 5))
def test_epoch_holds_each_example_once(order, n_examples, size, epoch):
    parts = labels_of(bound(n_examples, size=size, order=order), epoch)
    assert sorted(flat(parts)) == list(range(n_examples))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("drop_last", [False, True])
@given(n_examples=st.integers(1, 40), size=st.one_of(st.just("full"), st.integers(1, 50)))
def test_count_is_the_number_of_batches(order, drop_last, n_examples, size):
    batches = bound(n_examples, size=size, order=order, drop_last=drop_last)
    assert len(labels_of(batches)) == batches.count(n_examples)


@pytest.mark.parametrize("order", ORDERS)
def test_images_belong_to_their_labels(order):
    for x, labels in bound(size=5, order=order).of_epoch(1):
        assert x.shape == (len(labels), 2, 3)
        assert (x == labels[:, None, None]).all()


def test_sequential_keeps_the_order_of_the_file():
    assert flat(labels_of(bound(size=5, order="sequential"), epoch=3)) == list(range(23))


def test_permute_draws_a_new_order_every_epoch():
    batches = bound(size=5)
    assert len({tuple(flat(labels_of(batches, epoch))) for epoch in range(1, 6)}) == 5


def test_permute_depends_on_seed_and_epoch_alone():
    batches = bound(size=5)
    labels_of(batches, epoch=1)
    assert labels_of(batches, epoch=2) == labels_of(bound(size=5), epoch=2)
    assert labels_of(batches, epoch=2) != labels_of(bound(size=5, seed=1), epoch=2)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("start", range(6))
def test_start_goes_on_inside_an_epoch_with_the_same_batches(order, start):
    batches = bound(size=5, order=order)
    assert labels_of(batches, 2, start) == labels_of(batches, 2)[start:]


@pytest.mark.parametrize("order", ORDERS)
def test_last_batch_holds_what_is_left(order):
    assert [len(part) for part in labels_of(bound(size=5, order=order))] == [5, 5, 5, 5, 3]


@pytest.mark.parametrize("order", ORDERS)
def test_drop_last_leaves_out_the_incomplete_batch(order):
    assert [len(part) for part in labels_of(bound(size=5, order=order, drop_last=True))] == [5, 5, 5, 5]


def test_drop_last_keeps_a_complete_last_batch():
    assert [len(part) for part in labels_of(bound(20, size=5, drop_last=True))] == [5, 5, 5, 5]


def test_drop_last_leaves_out_the_same_examples_in_file_order():
    batches = bound(size=5, order="sequential", drop_last=True)
    assert flat(labels_of(batches, 1)) == flat(labels_of(batches, 2)) == list(range(20))


def test_drop_last_leaves_out_others_in_each_permutation():
    batches = bound(size=5, drop_last=True)
    assert len({frozenset(flat(labels_of(batches, epoch))) for epoch in range(1, 6)}) > 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", ["full", 23, 100])
def test_full_batch_is_the_training_set_itself(order, drop_last, size):
    batches = bound(size=size, order=order, drop_last=drop_last)
    ((x, labels),) = batches.of_epoch(1)
    assert np.shares_memory(x, batches.x)
    assert labels.tolist() == list(range(23))


def test_sequential_batches_are_slices_without_a_copy():
    batches = bound(size=5, order="sequential")
    assert all(np.shares_memory(x, batches.x) for x, _ in batches.of_epoch(1))


def test_permuted_batches_share_one_buffer_over_all_epochs():
    batches = bound(size=5)
    places = {(x.ctypes.data, labels.ctypes.data) for epoch in (1, 2) for x, labels in batches.of_epoch(epoch)}
    assert len(places) == 1


@pytest.mark.parametrize("order", ORDERS)
def test_batches_have_the_dtypes_of_the_set(order):
    for x, labels in bound(size=5, order=order).of_epoch(1):
        assert (x.dtype, labels.dtype) == (np.float32, np.int64)
