import json
import os
import shutil
from pathlib import Path

import pytest

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.formats.image_set import FILE_NAMES, TRAIN_IMAGES, idx_files
from mnistnn.errors import DataError, ResourceError, UsageError


@pytest.fixture
def stored(tiny, origins) -> Path:
    with cache.locked("tiny"):
        cache.install("tiny", tiny, origins)
    return cache.set_folder("tiny")


def test_install_stores_the_four_idx_files_and_a_manifest(stored, tiny):
    assert {path.name for path in stored.iterdir()} == {*FILE_NAMES, "manifest.json"}
    for name, content in idx_files(tiny).items():
        assert (stored / name).read_bytes() == content
    assert cache.stored_names() == ["tiny"]
    assert all(check.problem is None for check in cache.verify("tiny"))


def test_manifest_says_where_each_file_came_from(stored):
    manifest = json.loads((stored / "manifest.json").read_text())
    assert manifest["files"][TRAIN_IMAGES]["origin"] == "made by a test"
    assert manifest["format"] == 1


def test_install_replaces_a_set_and_leaves_nothing_else(stored, tiny, origins):
    (stored / TRAIN_IMAGES).write_bytes(b"altered")
    cache.install("tiny", tiny, origins)
    assert all(check.problem is None for check in cache.verify("tiny"))
    assert [path.name for path in stored.parent.iterdir() if path.is_dir()] == ["tiny"]


def test_install_under_a_published_name_refuses_other_bytes(tiny, origins):
    with cache.locked("mnist"), pytest.raises(DataError, match="not that of mnist: expected SHA-256 ba89"):
        cache.install("mnist", tiny, origins)
    assert not cache.is_stored("mnist")


@pytest.mark.parametrize("call", ["replace", "fsync", "mkdir", "rename"])
def test_install_that_the_disk_refuses_leaves_the_old_set(stored, tiny, origins, monkeypatch, call):
    def refuse(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(ResourceError, match="no space left"):
            cache.install("tiny", tiny, origins)
    assert all(check.problem is None for check in cache.verify("tiny"))
    assert [path.name for path in stored.parent.iterdir() if path.is_dir()] == ["tiny"]


def test_install_refused_at_the_last_rename_puts_the_old_set_back(stored, tiny, origins, monkeypatch):
    rename = Path.rename

    def refuse_new(self, target):
        if self.suffix == ".new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(ResourceError):
        cache.install("tiny", tiny, origins)
    assert all(check.problem is None for check in cache.verify("tiny"))


def test_install_removes_what_a_killed_process_left(tiny, origins, cache_root):
    leftover = cache_root / "datasets" / ".tiny.0123456789ab.new"
    leftover.mkdir(parents=True)
    cache.install("tiny", tiny, origins)
    assert not leftover.exists()


def test_unfinished_set_is_not_stored(cache_root):
    (cache_root / "datasets" / ".tiny.0123456789ab.new").mkdir(parents=True)
    (cache_root / "datasets" / "half").mkdir()
    assert cache.stored_names() == []


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc", "A", "a b", ".a", "a/b", "a" * 65, "a\n", "é"])
def test_set_folder_refuses_what_cannot_be_a_name(name):
    with pytest.raises(UsageError, match="cannot name a data set"):
        cache.set_folder(name)
    assert not cache.is_stored(name)


def test_verify_reports_every_altered_file(stored):
    content = bytearray((stored / TRAIN_IMAGES).read_bytes())
    content[20] ^= 1
    (stored / TRAIN_IMAGES).write_bytes(content)
    (stored / FILE_NAMES[1]).write_bytes(b"short")
    (stored / FILE_NAMES[2]).unlink()
    problems = {check.path.name: check.problem or "" for check in cache.verify("tiny")}
    assert "SHA-256 is" in problems[TRAIN_IMAGES]
    assert "has 5 bytes" in problems[FILE_NAMES[1]]
    assert "no such file" in problems[FILE_NAMES[2]]
    assert problems[FILE_NAMES[3]] == ""


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b"{}", b'{"format": 2}', b"[" * 100_000, b" " * 70_000],
    ids=["empty", "cut", "list", "binary", "no keys", "newer", "deep", "large"],
)
def test_verify_reports_a_malformed_manifest(stored, content):
    (stored / "manifest.json").write_bytes(content)
    (check,) = cache.verify("tiny")
    assert check.problem is not None


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", "other"), ("classes", 0), ("classes", 257), ("classes", True), ("image_shape", [4]), ("files", {})],
)
def test_verify_reports_an_edited_manifest(stored, key, value):
    path = stored / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    (check,) = cache.verify("tiny")
    assert check.path == path
    assert check.problem is not None


def test_verify_compares_the_manifest_of_a_published_set_with_the_catalogue(stored, monkeypatch):
    monkeypatch.setitem(KNOWN_SETS, "tiny", KNOWN_SETS["mnist"])
    (check,) = cache.verify("tiny")
    assert "expected SHA-256 ba89" in (check.problem or "")


def test_datasets_folder_is_in_the_user_cache_without_the_variable(monkeypatch):
    monkeypatch.delenv("MNISTNN_DATA")
    assert cache.datasets_folder().parts[-2:] == ("mnistnn", "datasets")


def test_locked_on_an_unwritable_place_is_a_resource_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "file"))
    with pytest.raises(ResourceError), cache.locked("tiny"):
        pass


def test_set_that_a_killed_process_took_away_comes_back(tiny, origins):
    with cache.locked("tiny"):
        cache.install("tiny", tiny, origins)
    folder = cache.set_folder("tiny")
    folder.rename(folder.with_name(".tiny.0123456789ab.old"))
    assert not cache.is_stored("tiny")
    with cache.locked("tiny"):
        assert cache.is_stored("tiny")
    assert [check.problem for check in cache.verify("tiny")] == [None] * 4


def test_remove_leaves_nothing_of_a_set_and_all_of_others(stored, tiny, origins):
    with cache.locked("other"):
        cache.install("other", tiny, origins)
    cache.remove("tiny")
    assert cache.stored_names() == ["other"]
    assert [path.name for path in stored.parent.iterdir() if path.is_dir()] == ["other"]


def test_removal_that_was_cut_short_leaves_no_set_that_comes_back(stored, monkeypatch):
    def cut_short(*_args, **_kwargs):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", cut_short)
        with pytest.raises(ResourceError):
            cache.remove("tiny")
    assert cache.stored_names() == []
    with cache.locked("tiny"):
        pass
    assert cache.stored_names() == []
