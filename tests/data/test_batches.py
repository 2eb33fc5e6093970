from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mnistnn.config.load import load_experiment
from mnistnn.data.batches import Batches
from mnistnn.errors import ConfigError

ORDERS = ["permute", "sequential"]  # of all examples; stratified has tests of its own below


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
    assert {*ORDERS, "stratified", "lanes"} == set(get_args(Batches.__annotations__["order"]))


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


@pytest.mark.parametrize("size", [5, "full"])
def test_subset_draws_so_many_different_examples(size):
    examples = flat(labels_of(bound(size=size, subset=12)))
    assert len(set(examples)) == len(examples) == 12


def test_subset_is_another_one_every_epoch():
    batches = bound(size=5, subset=12)
    assert len({frozenset(flat(labels_of(batches, epoch))) for epoch in range(1, 6)}) == 5


def test_subset_reaches_every_example_in_time():
    batches = bound(size=5, subset=12)
    assert set().union(*(flat(labels_of(batches, epoch)) for epoch in range(1, 20))) == set(range(23))


@pytest.mark.parametrize(("size", "sizes"), [(5, [5, 5, 2]), (12, [12]), (100, [12]), ("full", [12])])
def test_subset_is_cut_into_batches_like_a_set_of_its_size(size, sizes):
    batches = bound(size=size, subset=12)
    assert [len(part) for part in labels_of(batches)] == sizes
    assert batches.per_epoch == batches.count(12) == len(sizes)


def test_subset_larger_than_the_set_is_the_set():
    assert sorted(flat(labels_of(bound(size=5, subset=100)))) == list(range(23))


CLASS_COUNTS = (9, 6, 14, 7)  # the smallest class has 6 members, so 24 of 36 examples are used


def stratified(seed=0, counts=CLASS_COUNTS, **keys):
    """Return stratified batches of a set whose classes have these sizes; example i is an image full of i."""
    labels = np.random.default_rng(5).permutation(np.repeat(np.arange(len(counts)), counts))
    x = np.arange(len(labels), dtype="float32").reshape(-1, 1, 1)
    batches = Batches(order="stratified", **keys)
    batches.bind(x, labels, seed)
    return batches


def examples_of(batches, epoch=1):
    return [int(x) for part, _ in batches.of_epoch(epoch) for x in part[:, 0, 0]]


@pytest.mark.parametrize("size", [4, 8, 12, 24, 100])
def test_stratified_batches_have_equally_many_examples_of_each_class(size):
    for _, labels in stratified(size=size).of_epoch(1):
        counts = np.bincount(labels, minlength=4)
        assert (counts == len(labels) // 4).all()


@given(size=st.integers(2, 30), counts=st.lists(st.integers(1, 12), min_size=2, max_size=6), epoch=st.integers(1, 9))
def test_stratified_batches_of_any_size_have_equal_classes_up_to_one(size, counts, epoch):
    for _, labels in stratified(size=size, counts=counts).of_epoch(epoch):
        found = np.bincount(labels, minlength=len(counts))
        assert found.max() - found.min() <= 1


def test_stratified_epoch_is_as_long_as_the_smallest_class_allows():
    batches = stratified(size=8)
    examples = examples_of(batches)
    assert len(set(examples)) == len(examples) == batches.examples_per_epoch == 24
    assert batches.per_epoch == 3


def test_stratified_leaves_out_other_examples_every_epoch():
    batches = stratified(size=8)
    used = [frozenset(examples_of(batches, epoch)) for epoch in range(1, 9)]
    assert len(set(used)) == 8
    assert len(frozenset.union(*used)) == sum(CLASS_COUNTS)


def test_stratified_images_belong_to_their_labels():
    batches = stratified(size=8)
    for x, labels in batches.of_epoch(1):
        assert np.array_equal(batches.labels[x[:, 0, 0].astype(int)], labels)


def test_stratified_depends_on_seed_and_epoch_alone():
    batches = stratified(size=8)
    examples_of(batches, 1)
    assert examples_of(batches, 2) == examples_of(stratified(size=8), 2)
    assert examples_of(batches, 2) != examples_of(stratified(size=8, seed=1), 2)


def test_stratified_batches_smaller_than_a_round_mix_the_classes_anew_every_epoch():
    batches = stratified(size=2)
    assert len({frozenset(next(batches.of_epoch(epoch))[1].tolist()) for epoch in range(1, 20)}) > 3


@pytest.mark.parametrize("start", range(4))
def test_stratified_goes_on_inside_an_epoch_with_the_same_batches(start):
    batches = stratified(size=8)
    assert labels_of(batches, 2, start) == labels_of(batches, 2)[start:]


def test_stratified_subset_stays_balanced():
    batches = stratified(size=8, subset=16)
    labels = flat(labels_of(batches))
    assert np.bincount(labels).tolist() == [4, 4, 4, 4]


REFUSED = {
    "stratified with size 1": ("size: 1, order: stratified", "size", "room for several classes"),
    "stratified with the full set": ("size: full, order: stratified", "size", "room for several classes"),
    "sequential with a subset": ("order: sequential, subset: 50", "subset", "is drawn at random"),
    "subset of nothing": ("subset: 0", "subset", "an integer >= 1"),
    "size of nothing": ("size: 0", "size", "an integer >= 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_batches_that_cannot_be_are_refused_at_their_place(case, toy):
    keys, key, said = REFUSED[case]
    text = toy.read_text().replace("size: 32, order: permute", keys)
    toy.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_experiment(toy)
    line, column = position(text, key)
    assert f"{line}:{column}" in str(caught.value)
    assert said in str(caught.value)


def position(text: str, key: str) -> tuple[int, int]:
    """Return line and column, from 1, of the value of a key of `batches`."""
    line = next(i for i, each in enumerate(text.splitlines(), start=1) if each.startswith("batches:"))
    return line, text.splitlines()[line - 1].index(f"{key}: ") + len(f"{key}: ") + 1


def test_lanes_go_on_in_each_place_of_a_batch():
    batches = Batches(size=3, order="lanes")
    batches.bind(np.arange(11)[:, None], np.arange(11), seed=0)
    found = [labels.tolist() for _, labels in batches.of_epoch(1)]
    assert found == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]  # 9 and 10 are left over
    assert batches.per_epoch == batches.count(11) == 3
    assert [labels.tolist() for _, labels in batches.of_epoch(2, start=2)] == [[2, 5, 8]]


@pytest.mark.parametrize("keys", [{"size": "full"}, {"subset": 5, "size": 2}])
def test_lanes_want_all_examples_in_batches_of_a_size(keys):
    with pytest.raises(ValidationError, match="order lanes: goes through all examples in order"):
        Batches(order="lanes", **keys)
