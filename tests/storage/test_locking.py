"""Locks of open files: one holder at a time, as long as the file is open, and no reader is kept out."""

import os
import threading

import pytest

from mnistnn.storage.locking import lock, lock_at_once


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


def test_lock_of_somebody_else_is_told_at_once(path):
    with open(path, "rb+", buffering=0) as first, open(path, "rb+", buffering=0) as second:
        lock(first.fileno())
        with pytest.raises(BlockingIOError):
            lock_at_once(second.fileno())
        first.close()
        lock_at_once(second.fileno())


def test_lock_is_waited_for(path):
    order = []

    def wait() -> None:
        with open(path, "rb+", buffering=0) as second:
            begun.set()
            lock(second.fileno())
            order.append("second")

    begun = threading.Event()
    with open(path, "rb+", buffering=0) as first:
        lock(first.fileno())
        waiting = threading.Thread(target=wait)
        waiting.start()
        begun.wait()
        waiting.join(0.1)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def test_locked_file_is_read_and_stands_where_it_stood(path):
    with open(path, "rb+", buffering=0) as file:
        file.seek(3)
        lock(file.fileno())
        assert file.read() == b"tent"
        assert path.read_bytes() == b"content"
        assert os.path.getsize(path) == 7
