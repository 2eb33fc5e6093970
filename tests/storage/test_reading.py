"""Reading files: regular ones, of bounded size, without waiting, refused with the error that the caller wants."""

import errno
import os

import pytest

from mnistnn.errors import DataError, ResourceError, RunError
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.storage import opening
from mnistnn.storage.reading import data_error, open_file, read_file, read_own_file, run_error

REFUSALS = [(run_error, RunError), (data_error, DataError)]


def test_file_is_read_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"123")
    assert read_file(tmp_path / "a") == read_file(tmp_path / "a", max_bytes=3) == b"123"


@pytest.mark.parametrize(("refused", "error"), REFUSALS)
def test_larger_file_is_refused(tmp_path, refused, error):
    (tmp_path / "a").write_bytes(b"1234")
    with pytest.raises(error, match=f"^{tmp_path}/a: larger than the 3 bytes that are allowed$"):
        read_file(tmp_path / "a", 3, refused)


@pytest.mark.parametrize(("refused", "error"), REFUSALS)
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, refused, error):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "loop", tmp_path / "gone", tmp_path / "a\0b"):
        with pytest.raises(error, match=f"^{path}: "):
            read_file(path, 3, refused)


def test_files_of_a_run_are_refused_in_few_words(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    said = {tmp_path: "not a file", tmp_path / "pipe": "not a file", tmp_path / "gone": "No such file or directory"}
    for path, reason in said.items():
        with pytest.raises(RunError, match=f"^{path}: {reason}$"):
            read_file(path)


def test_data_files_are_refused_with_what_is_wrong(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    said = {
        tmp_path: "cannot be read: is a directory",
        tmp_path / "pipe": "is not a regular file",
        tmp_path / "gone": "cannot be read: no such file or directory",
    }
    for path, reason in said.items():
        with pytest.raises(DataError, match=f"^{path}: {reason}$"):
            read_file(path, 3, data_error)


def test_machine_that_cannot_read_data_is_no_error_of_the_data(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    with pytest.raises(ResourceError, match="input/output error"), open_file(tmp_path / "a", data_error):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_caller_may_have_an_error_of_its_own(tmp_path):
    with pytest.raises(KeyError, match="gone"):
        read_file(tmp_path / "gone", refused=lambda path, error: KeyError(path.name))


def test_pipe_in_the_place_of_a_lock_is_not_waited_for(tmp_path):
    run = RunDirectory(tmp_path)
    os.mkfifo(run.lock)
    with pytest.raises(RunError, match="neither a file nor a folder"):
        lock.is_held(run)


def test_link_is_refused_where_opening_cannot_be_asked_not_to_follow_it(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").write_text("secret")
    (tmp_path / "link").symlink_to("elsewhere")
    monkeypatch.setattr(opening, "_NO_LINK", 0)
    with pytest.raises(RunError, match="link: a symbolic link, where a file of its own belongs"):
        read_own_file(tmp_path / "link")
