import json

import numpy as np
import pytest

from mnistnn.data import splits
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.fetch import fetch
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.formats.image_set import FILE_NAMES, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from mnistnn.data.spec import Data, Limits
from mnistnn.data.splits import default_data, describe, ensure_available, read_split, split_examples
from mnistnn.errors import ConfigError, DataError, UsageError


@pytest.fixture
def stored(tiny, origins):
    with cache.locked("tiny"):
        cache.install("tiny", tiny, origins)
    return cache.set_folder("tiny")


def tiny_data(validation_examples=4, limits=None) -> Data:
    return Data(dataset="tiny", validation_examples=validation_examples, limits=limits or Limits())


@pytest.mark.parametrize(
    ("split", "half", "examples"),
    [("train", "train", slice(0, 8)), ("valid", "train", slice(8, 12)), ("test", "test", slice(0, 6))],
)
def test_read_split_is_in_file_order(stored, tiny, split, half, examples):
    found = read_split(tiny_data(), split)
    assert np.array_equal(found.images, getattr(tiny, half).images[examples])
    assert np.array_equal(found.labels, getattr(tiny, half).labels[examples])
    assert found.classes == 3


def test_read_split_limits_count_from_the_start_of_the_split(stored, tiny):
    data = tiny_data(limits=Limits(train=5, valid=2, test=1))
    assert np.array_equal(read_split(data, "train").images, tiny.train.images[:5])
    assert np.array_equal(read_split(data, "valid").images, tiny.train.images[8:10])
    assert np.array_equal(read_split(data, "test").images, tiny.test.images[:1])


def test_read_split_gives_the_right_examples_across_chunks(stored, tiny, monkeypatch):
    for chunk_bytes in (1, 3, 7, 16, 64):
        monkeypatch.setattr(splits, "_CHUNK_BYTES", chunk_bytes)
        assert np.array_equal(read_split(tiny_data(), "valid").images, tiny.train.images[8:])


def test_read_split_arrays_are_read_only(stored):
    found = read_split(tiny_data(), "train")
    assert not found.images.flags.writeable
    assert not found.labels.flags.writeable


def test_read_split_without_validation_examples_is_empty(stored):
    assert read_split(tiny_data(validation_examples=0), "valid").images.shape == (0, 4, 4)


def test_read_split_of_training_data_never_opens_the_test_files(stored):
    for name in (TEST_IMAGES, TEST_LABELS):
        (stored / name).unlink()
    read_split(tiny_data(), "train")
    read_split(tiny_data(), "valid")
    with pytest.raises(DataError, match=TEST_IMAGES):
        read_split(tiny_data(), "test")


@pytest.mark.parametrize("split", ["train", "valid"])
@pytest.mark.parametrize("name", [TRAIN_IMAGES, TRAIN_LABELS])
def test_read_split_refuses_every_altered_byte(stored, split, name):
    path = stored / name
    original = path.read_bytes()
    for position in range(len(original)):
        content = bytearray(original)
        content[position] ^= 1
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"{name}: SHA-256 is .*mnistnn data add tiny FILES… --force"):
            read_split(tiny_data(), split)


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"\0", lambda _: b""])
def test_read_split_refuses_another_length(stored, change):
    path = stored / TRAIN_IMAGES
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match="bytes, expected 208"):
        read_split(tiny_data(), "train")


@pytest.mark.parametrize(
    ("key", "value"), [("train_examples", 11), ("image_shape", [2, 8]), ("image_shape", [4, 5]), ("classes", 2)]
)
def test_read_split_refuses_files_that_do_not_fit_the_manifest(stored, key, value):
    path = stored / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(DataError, match="is not used"):
        read_split(tiny_data(), "train")


def test_read_split_of_a_published_set_refuses_a_rewritten_manifest(stored, monkeypatch):
    monkeypatch.setitem(KNOWN_SETS, "tiny", KNOWN_SETS["mnist"])
    with pytest.raises(DataError, match="not that of tiny"):
        read_split(Data(dataset="tiny"), "train")


def test_read_split_of_a_missing_set_names_both_ways_out(cache_root):
    with pytest.raises(DataError) as caught:
        read_split(Data(), "train")
    for part in ("mnist", str(cache_root), "mnistnn data fetch mnist", "mnistnn data add mnist FILES…"):
        assert part in str(caught.value)


def test_describe_published_set_needs_no_data():
    assert describe("mnist") == DatasetInfo((28, 28), 10, 60_000, 10_000)


def test_describe_added_set_opens_no_other_file_than_the_manifest(stored):
    for name in FILE_NAMES:
        (stored / name).unlink()
    assert describe("tiny") == DatasetInfo((4, 4), 3, 12, 6)


def test_set_that_has_to_be_generated_is_known_by_its_usual_size():
    assert describe("infinite-mnist") == DatasetInfo((28, 28), 10, 8_110_000, 10_000)
    with pytest.raises(DataError, match="make it with `mnistnn data generate infinite-mnist`"):
        read_split(Data(dataset="infinite-mnist"), "valid")
    with pytest.raises(DataError, match="make it with `mnistnn data generate infinite-mnist`"):
        ensure_available("infinite-mnist", progress=False)


def test_generated_set_that_is_there_has_its_own_size(tiny, origins):
    with cache.locked("infinite-mnist"):
        cache.install("infinite-mnist", tiny, origins)
    assert describe("infinite-mnist").train_examples == 12


@pytest.mark.parametrize("name", ["minst", "../mnist", "Mnist"])
def test_describe_unknown_set_suggests_the_nearest(name):
    known = ", ".join(sorted(KNOWN_SETS))
    with pytest.raises(ConfigError, match=rf"did you mean 'mnist'\? known: {known}") as caught:
        describe(name)
    assert caught.value.key == "data.dataset"


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"validation_examples": 12}, "data.validation_examples"),
        ({"validation_examples": 10_000}, "data.validation_examples"),
        ({"limits": Limits(train=9)}, "data.limits.train"),
        ({"limits": Limits(valid=5)}, "data.limits.valid"),
        ({"limits": Limits(test=7)}, "data.limits.test"),
        ({"validation_examples": 0, "limits": Limits(valid=1)}, "data.limits.valid"),
    ],
)
def test_split_examples_refuses_more_than_there_is(stored, fields, key):
    with pytest.raises(ConfigError) as caught:
        split_examples(tiny_data(**fields))
    assert caught.value.key == key


def test_split_examples_of_mnist_are_those_of_the_course():
    assert split_examples(Data()) == {
        "train": range(50_000), "valid": range(50_000, 60_000), "test": range(10_000),
    }  # fmt: skip


def test_ensure_available_fetches_only_a_missing_published_set(stored, monkeypatch):
    fetched = []
    monkeypatch.setattr(splits, "fetch", lambda name, progress: fetched.append((name, progress)))
    ensure_available("tiny", progress=True)
    ensure_available("mnist", progress=False)
    with pytest.raises(ConfigError):
        ensure_available("unknown", progress=False)
    assert fetched == [("mnist", False)]


def test_set_of_ones_own_stays_what_it_was_when_mnistnn_learns_its_name(tiny, origins, monkeypatch):
    known = KNOWN_SETS["digits"]
    with monkeypatch.context() as patch:
        patch.delitem(KNOWN_SETS, "digits")  # as it was in an earlier version
        with cache.locked("digits"):
            cache.install("digits", tiny, origins)
    assert KNOWN_SETS["digits"] is known
    assert describe("digits") == DatasetInfo((4, 4), 3, 12, 6)
    assert default_data("digits").validation_examples == 2
    found = read_split(Data(dataset="digits", validation_examples=2), "test")
    np.testing.assert_array_equal(found.images, tiny.test.images)
    assert [check.problem for check in cache.verify("digits")] == [None] * 4
    with pytest.raises(UsageError, match="is a set of your own, by a name that mnistnn knows now; --force replaces it"):
        fetch("digits", progress=False)
