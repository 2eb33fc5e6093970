"""Tests of mnistnn.data.class_names, and of names on their way from a set to an experiment."""

import json
from dataclasses import replace

import pytest

from mnistnn.data.class_names import checked_names, names_or_numbers
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.formats.image_set import FILE_NAMES
from mnistnn.data.source import info_of, source_of
from mnistnn.data.spec import Data
from mnistnn.data.splits import describe
from mnistnn.errors import DataError

NAMES = ("cat", "dog", "mouse")


def store(name, images):
    with cache.locked(name):
        cache.install(name, images, dict.fromkeys(FILE_NAMES, "a test"))
    return cache.set_folder(name)


@pytest.fixture
def named(tiny):
    return store("animals", replace(tiny, class_names=NAMES))


def test_names_lose_the_spaces_around_them():
    assert checked_names([" cat", "big dog "], "names") == ("cat", "big dog")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cat", ""], "class 1 is called ''"),
        (["a" * 101], "expected 1 to 100 printable characters"),
        (["cat\x1b[31m"], "class 0 is called"),
        (["cat", " cat"], "two classes are called 'cat'"),
        (["cat"], "1 names of classes, but the labels go up to 2"),
    ],
)
def test_names_that_would_mislead_are_refused(names, message):
    with pytest.raises(DataError, match=f"^here: .*{message}"):
        checked_names(names, "here", 3 if names == ["cat"] else None)


def test_classes_without_names_are_called_by_their_numbers():
    assert names_or_numbers(None, 3) == ["0", "1", "2"]


def test_manifest_keeps_names_in_a_format_that_earlier_versions_refuse(named):
    manifest = read_manifest(named)
    assert (manifest.format, manifest.class_names) == (2, NAMES)


def test_manifest_without_names_stays_readable_for_earlier_versions(tiny):
    written = json.loads((store("plain", tiny) / "manifest.json").read_text())
    assert written["format"] == 1
    assert "class_names" not in written


@pytest.mark.parametrize("names", [["cat", "dog"], ["cat", "dog", "cat"], ["cat", "dog", ""]])
def test_manifest_with_names_that_do_not_fit_is_refused(named, names):
    path = named / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"class_names": names}))
    with pytest.raises(DataError, match="class_names"):
        read_manifest(named)


def test_set_with_more_names_than_labels_has_a_class_for_each(tiny):
    store("more", replace(tiny, class_names=(*NAMES, "bird")))
    assert describe("more").classes == 4


def test_source_calls_classes_as_the_set_does(named):
    assert source_of(Data(dataset="animals", validation_examples=2)).class_names == list(NAMES)


def test_facts_of_a_source_bring_its_names_back(named):
    source = source_of(Data(dataset="animals", validation_examples=2))
    assert info_of(json.loads(json.dumps(source.facts))) == info_of(source.facts) == describe("animals")


def test_facts_of_an_earlier_run_have_no_names():
    facts = {"image_shape": [4, 4], "classes": 3, "train_examples": 12, "test_examples": 6}
    assert info_of(facts) == DatasetInfo((4, 4), 3, 12, 6)


@pytest.mark.parametrize("names", [["cat"], "cat", [1, 2, 3], ["cat", "cat", "dog"], ["a", "b", "c", "d"], 5])
def test_facts_with_names_that_do_not_fit_are_not_used(names):
    facts = {"image_shape": [4, 4], "classes": 3, "train_examples": 12, "test_examples": 6, "class_names": names}
    assert info_of(facts) is None
