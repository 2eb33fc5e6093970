"""Paths inside a run or a sweep: what is there under a name is of the kind that belongs there."""

import os
import socket
import stat

import pytest

from mnistnn.errors import RunError
from mnistnn.storage.inside import file_in, folder_in, refuse_what_leads_out


def make(path, kind):
    match kind:
        case "file":
            path.touch()
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to("/")
        case "dangling link":
            path.symlink_to("nothing")
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(path.name)


KINDS = {"link": "a symbolic link", "dangling link": "a symbolic link", "pipe": "neither", "socket": "neither"}


@pytest.mark.parametrize(("kind", "said"), [("folder", "a folder"), *KINDS.items()])
def test_what_is_no_file_is_refused_by_name(tmp_path, monkeypatch, kind, said):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "it", kind)
    with pytest.raises(RunError, match=f"it: {said}.*, where a file of its own belongs"):
        file_in(tmp_path, "it")


@pytest.mark.parametrize(("kind", "said"), [("file", "a file"), *KINDS.items()])
def test_what_is_no_folder_is_refused_by_name(tmp_path, monkeypatch, kind, said):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "it", kind)
    with pytest.raises(RunError, match=f"it: {said}.*, where a folder of its own belongs"):
        folder_in(tmp_path, "it")


def test_what_belongs_there_and_what_is_not_there_yet_is_a_path(tmp_path):
    make(tmp_path / "file", "file")
    make(tmp_path / "folder", "folder")
    assert file_in(tmp_path, "file") == tmp_path / "file"
    assert folder_in(tmp_path, "folder") == tmp_path / "folder"
    assert file_in(tmp_path, "new") == folder_in(tmp_path, "new") == tmp_path / "new"


def test_folder_itself_may_be_found_by_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert file_in(tmp_path / "link", "new") == tmp_path / "link" / "new"


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_leads_out_is_found_at_any_depth(tmp_path, monkeypatch, kind):
    (tmp_path / "a" / "b").mkdir(parents=True)
    refuse_what_leads_out(tmp_path)
    monkeypatch.chdir(tmp_path / "a" / "b")
    make(tmp_path / "a" / "b" / "it", kind)
    with pytest.raises(RunError, match="a/b/it"):
        refuse_what_leads_out(tmp_path)


def test_junction_of_windows_is_a_link(tmp_path, monkeypatch):
    class Junction:
        st_mode, st_reparse_tag = stat.S_IFDIR | 0o755, 0xA0000003

    monkeypatch.setattr(os, "lstat", lambda path: Junction)
    with pytest.raises(RunError, match="checkpoints: a symbolic link, where a folder of its own belongs"):
        folder_in(tmp_path, "checkpoints")
