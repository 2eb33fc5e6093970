"""Every set that mnistnn knows by name: what the catalogue says of it holds. A new entry is tried here too."""

import pytest

from mnistnn.data.datasets import cache, fetch
from mnistnn.data.datasets.catalogue import GENERATED_SETS, MADE_SETS, NAMED_SETS
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.formats.image_set import FILE_NAMES
from mnistnn.data.splits import describe, ensure_available

each_made_set = pytest.mark.parametrize("name", MADE_SETS)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("asks the network")

    monkeypatch.setattr(fetch, "download", refuse)
    monkeypatch.setattr(fetch, "member_of_package", refuse)


def test_no_name_is_used_twice():
    assert len({*NAMED_SETS, *MADE_SETS, *GENERATED_SETS}) == len(NAMED_SETS) + len(MADE_SETS) + len(GENERATED_SETS)


@pytest.mark.parametrize("name", NAMED_SETS)
def test_published_set_has_a_digest_for_each_file_and_a_place_to_fetch_it_from(name):
    assert NAMED_SETS[name].files.keys() == set(FILE_NAMES)
    assert all(mirror.endswith("/") for mirror in NAMED_SETS[name].mirrors)
    assert NAMED_SETS[name].mirrors


@each_made_set
def test_made_set_is_known_before_it_is_there_and_is_then_as_it_was_said(name):
    said = describe(name)
    assert not cache.is_stored(name)
    ensure_available(name, progress=False)
    manifest = read_manifest(cache.set_folder(name))
    height, width = manifest.image_shape
    stored = DatasetInfo((height, width), manifest.classes, manifest.train_examples, manifest.test_examples)
    assert describe(name) == said == stored
    assert MADE_SETS[name].validation_examples < MADE_SETS[name].train_examples


@each_made_set
def test_made_set_has_the_bytes_of_the_catalogue(name):
    ensure_available(name, progress=False)
    files = read_manifest(cache.set_folder(name)).files
    assert {file_name: file.sha256 for file_name, file in files.items()} == MADE_SETS[name].sha256
    assert [check.problem for check in cache.verify(name)] == [None] * 4
