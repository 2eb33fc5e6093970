"""Large files are read through once, and again when anything about them has changed."""

import os

import numpy as np
import pytest

from mnistnn.data.datasets import cache, verified
from mnistnn.data.formats.image_set import TRAIN_IMAGES
from mnistnn.data.spec import Data
from mnistnn.data.splits import open_split, read_split
from mnistnn.errors import DataError

DATA = Data(dataset="tiny", validation_examples=4)


@pytest.fixture
def stored(tiny, origins, monkeypatch):
    """A set whose files of images, 208 and 112 bytes, are large, and old enough to be remembered."""
    with cache.locked("tiny"):
        cache.install("tiny", tiny, origins)
    monkeypatch.setattr(verified, "_REMEMBERED_FROM_BYTES", 100)
    monkeypatch.setattr(verified, "_SETTLED_AFTER_S", -1e9)
    return cache.set_folder("tiny")


@pytest.fixture
def digested(monkeypatch):
    """The names of the files that were read through."""
    names: list[str] = []
    really = verified._digest

    def digest(file, path):
        names.append(path.name)
        return really(file, path)

    monkeypatch.setattr(verified, "_digest", digest)
    return names


def test_large_file_is_read_through_once(stored, digested, tiny):
    for _ in range(3):
        assert np.array_equal(read_split(DATA, "train").images, tiny.train.images[:8])
        assert np.array_equal(read_split(DATA, "valid").images, tiny.train.images[8:])
        open_split(DATA, "train")
    assert digested == [TRAIN_IMAGES]


def test_small_file_is_read_through_each_time(stored, digested, monkeypatch):
    monkeypatch.setattr(verified, "_REMEMBERED_FROM_BYTES", 1000)
    for _ in range(3):
        open_split(DATA, "train")
    assert digested == [TRAIN_IMAGES] * 3
    assert not (stored / "checked.json").exists()


def test_altered_byte_is_found_although_size_and_time_were_put_back(stored):
    open_split(DATA, "train")
    path = stored / TRAIN_IMAGES
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for use in (open_split, read_split):
        with pytest.raises(DataError, match="SHA-256 is"):
            use(DATA, "train")


def test_copied_set_is_read_through_again(stored, digested):
    open_split(DATA, "train")
    path = stored / TRAIN_IMAGES
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    open_split(DATA, "train")
    assert digested == [TRAIN_IMAGES] * 2


def test_file_that_was_just_written_is_not_remembered(stored, digested, monkeypatch):
    monkeypatch.setattr(verified, "_SETTLED_AFTER_S", 60.0)
    for _ in range(2):
        open_split(DATA, "train")
    assert digested == [TRAIN_IMAGES] * 2


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"train-images-idx3-ubyte": {}}', b" " * 70_000])
def test_malformed_note_counts_for_nothing(stored, digested, note):
    (stored / "checked.json").write_bytes(note)
    open_split(DATA, "train")
    assert digested == [TRAIN_IMAGES]


def test_note_that_cannot_be_written_is_done_without(stored, digested, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    for _ in range(2):
        open_split(DATA, "train")
    assert digested == [TRAIN_IMAGES] * 2


def test_verify_reads_every_byte_and_forgets_what_fails(stored, digested):
    open_split(DATA, "train")
    note = (stored / "checked.json").read_bytes()
    assert all(check.problem is None for check in cache.verify("tiny"))
    assert (stored / "checked.json").read_bytes() == note
    (stored / "t10k-labels-idx1-ubyte").write_bytes(b"short")
    assert any(check.problem for check in cache.verify("tiny"))
    assert not (stored / "checked.json").exists()


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"\0"])
def test_file_of_another_length_is_refused(stored, change):
    path = stored / TRAIN_IMAGES
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match="bytes, expected 208"):
        open_split(DATA, "train")


def test_missing_file_is_refused(stored):
    (stored / TRAIN_IMAGES).unlink()
    with pytest.raises(DataError, match="no such file"):
        open_split(DATA, "train")
