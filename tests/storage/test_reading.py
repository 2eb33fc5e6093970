"""Reading files of a run: regular ones, of bounded size, without waiting."""

import os

import pytest

from mnistnn.errors import RunError
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.reading import read_file


def test_file_is_read_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"123")
    assert read_file(tmp_path / "a") == read_file(tmp_path / "a", max_bytes=3) == b"123"


def test_larger_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")
    with pytest.raises(RunError, match="larger than the 3 bytes"):
        read_file(tmp_path / "a", max_bytes=3)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "loop", tmp_path / "gone"):
        with pytest.raises(RunError, match=f"^{path}: "):
            read_file(path)


def test_pipe_in_the_place_of_a_lock_is_not_waited_for(tmp_path):
    run = RunDirectory(tmp_path)
    os.mkfifo(run.lock)
    assert not lock.is_held(run)
