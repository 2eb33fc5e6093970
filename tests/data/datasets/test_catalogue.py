"""Every set that mnistnn knows by name: what the catalogue says of it holds. A new entry is tried here too."""

import pytest

from mnistnn.data.class_names import checked_names
from mnistnn.data.datasets import cache, packaged_set, published_set
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.fetch import fetch
from mnistnn.data.datasets.made_set import MadeSet
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.datasets.published_set import PublishedSet
from mnistnn.data.formats.image_set import FILE_NAMES
from mnistnn.data.splits import default_data, describe, ensure_available, split_examples
from mnistnn.errors import DataError, UsageError

_DIGITS = {"sha256": 64, "md5": 32, "git": 40}

each_set = pytest.mark.parametrize("name", KNOWN_SETS)


def names_of(kind: type) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", [name for name, known in KNOWN_SETS.items() if isinstance(known, kind)])


each_set_of_users = pytest.mark.parametrize(
    "name", [name for name, known in KNOWN_SETS.items() if not known.can_be_fetched]
)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("asks the network")

    monkeypatch.setattr(published_set, "download", refuse)
    monkeypatch.setattr(published_set, "member_of_package", refuse)
    monkeypatch.setattr(packaged_set, "member_of_package", refuse)


@each_set
def test_set_has_a_title_a_licence_and_a_citation_of_a_line_each(name):
    known = KNOWN_SETS[name]
    for text in (known.title, known.licence, known.citation):
        assert text == text.strip()
        assert text.isprintable()
        assert 3 <= len(text) <= 140


@each_set
def test_set_that_names_its_classes_names_each(name):
    known = KNOWN_SETS[name]
    if known.class_names is not None:
        assert checked_names(known.class_names, name, known.classes) == known.class_names
        assert len(known.class_names) == known.classes


@each_set
def test_set_is_known_before_it_is_there_and_can_be_split(name):
    assert describe(name) == KNOWN_SETS[name].info
    splits = split_examples(default_data(name))
    assert min(map(len, splits.values())) > 0
    assert cache.stored_names() == []


@each_set
def test_digests_of_content_are_those_of_all_four_files_or_of_none(name):
    digests = KNOWN_SETS[name].content_digests
    assert digests.keys() in (set(), set(FILE_NAMES))
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests.values())


@names_of(PublishedSet)
def test_published_set_has_a_digest_for_each_file_and_a_place_to_fetch_it_from(name):
    known = KNOWN_SETS[name]
    assert isinstance(known, PublishedSet)
    assert known.mirrors
    assert all(mirror.endswith("/") for mirror in known.mirrors)
    for file in known.files.values():
        assert file.digests
        assert all(len(digest) == _DIGITS[algorithm] and int(digest, 16) for algorithm, digest in file.digests.items())


@each_set_of_users
def test_set_that_is_not_fetched_says_how_to_have_it(name):
    with pytest.raises(UsageError, match=f"{name} cannot be fetched; .*`mnistnn data .* ?{name}"):
        fetch(name)
    with pytest.raises(DataError, match=f"the data set {name} is not in .*`mnistnn data (add|generate) {name}"):
        ensure_available(name, progress=False)


@names_of(MadeSet)
def test_made_set_is_as_it_was_said_before_it_was_made(name):
    said = describe(name)
    ensure_available(name, progress=False)
    assert read_manifest(cache.set_folder(name)).info == describe(name) == said


@names_of(MadeSet)
def test_made_set_has_the_bytes_of_the_catalogue(name):
    ensure_available(name, progress=False)
    files = read_manifest(cache.set_folder(name)).files
    assert {file_name: file.sha256 for file_name, file in files.items()} == KNOWN_SETS[name].content_digests
    assert [check.problem for check in cache.verify(name)] == [None] * 4
