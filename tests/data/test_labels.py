"""`data.labels`: two classes made of those of a set."""

import numpy as np
import pytest

from mnistnn.data.datasets import cache
from mnistnn.data.spec import Data, Labels, Limits
from mnistnn.data.splits import count_classes, read_split, split_examples
from mnistnn.errors import ConfigError


@pytest.fixture(autouse=True)
def stored(tiny, origins):
    """Labels 0, 1, 2, 0, 1, 2, … of 12 training and 6 test images."""
    with cache.locked("tiny"):
        cache.install("tiny", tiny, origins)


def data(limits=None, validation_examples=3, **labels) -> Data:
    return Data(
        dataset="tiny", validation_examples=validation_examples, limits=limits or Limits(), labels=Labels(**labels)
    )


def test_positive_labels_become_class_one(tiny):
    found = read_split(data(positive=[2, 0]), "train")
    assert found.labels.tolist() == [1, 0, 1] * 3
    assert np.array_equal(found.images, tiny.train.images[:9])


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_two_classes_are_seen_in_every_split(split):
    found = read_split(data(positive=[1]), split)
    assert (found.classes, set(found.labels.tolist())) == (2, {0, 1})


@pytest.mark.parametrize(("pair", "labels"), [([0, 2], [0, 1] * 3), ([2, 0], [1, 0] * 3)])
def test_pair_keeps_its_two_classes_the_first_as_class_zero(tiny, pair, labels):
    found = read_split(data(pair=pair), "train")
    assert found.labels.tolist() == labels
    assert np.array_equal(found.images, tiny.train.images[[0, 2, 3, 5, 6, 8]])


def test_limits_apply_before_a_pair_is_picked():
    assert len(read_split(data(Limits(train=4), pair=[0, 2]), "train").labels) == 3


def test_sizes_before_reading_are_upper_bounds():
    assert len(split_examples(data(pair=[0, 2]))["train"]) == 9


def test_arrays_are_read_only():
    for found in (read_split(data(pair=[0, 2]), "train"), read_split(data(positive=[0]), "train")):
        assert not found.images.flags.writeable
        assert not found.labels.flags.writeable


def test_classes_are_two_or_those_of_the_set():
    assert count_classes(Data(dataset="tiny")) == 3
    assert count_classes(data(pair=[0, 2])) == 2


@pytest.mark.parametrize(("key", "labels"), [("positive", [0, 3]), ("pair", [1, 255])])
def test_label_that_the_set_does_not_have_is_refused(key, labels):
    with pytest.raises(ConfigError, match=f"tiny has the labels 0 to 2, but not {labels[1]}") as caught:
        count_classes(data(**{key: labels}))
    assert caught.value.key == f"data.labels.{key}"


def test_pair_without_a_single_example_is_refused():
    with pytest.raises(ConfigError, match="none of the 1 examples of the train split has the label 1 or 2") as caught:
        read_split(data(Limits(train=1), pair=[1, 2]), "train")
    assert caught.value.key == "data.labels.pair"


def test_empty_validation_split_stays_empty():
    assert read_split(data(pair=[0, 1], validation_examples=0), "valid").images.shape == (0, 4, 4)
