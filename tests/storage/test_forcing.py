"""Forcing to the disk: the call that macOS has for it, and fsync where there is no such call or it is refused."""

import errno
import fcntl
import os
import stat

import pytest

from mnistnn.errors import ResourceError
from mnistnn.storage.forcing import force_to_disk, sync_folder
from mnistnn.storage.writing import append_line, force, write_atomically

FULL = 51  # on macOS


@pytest.fixture
def calls(monkeypatch):
    """What is called to force something, and whether that is a folder, where there is no such call as macOS has."""
    noted: list[tuple[str, bool]] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: noted.append(("fsync", is_folder(descriptor))))
    return noted


@pytest.fixture
def on_macos(calls, monkeypatch):
    """Have the call of macOS, and let it fail with an errno if one is given."""

    def have(failure: int = 0):
        def control(descriptor: int, command: int) -> int:
            assert command == FULL
            calls.append(("full", is_folder(descriptor)))
            if failure:
                raise OSError(failure, os.strerror(failure))
            return 0

        monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL, raising=False)
        monkeypatch.setattr(fcntl, "fcntl", control)

    return have


def is_folder(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def test_linux_forces_by_fsync(tmp_path, calls):
    write_atomically(tmp_path / "file", b"content")
    assert calls == [("fsync", False), ("fsync", True)]


def test_macos_forces_files_and_folders_by_its_own_call(tmp_path, calls, on_macos):
    on_macos()
    write_atomically(tmp_path / "file", b"content")
    append_line(tmp_path / "lines", "one")
    force([tmp_path / "lines"])
    sync_folder(tmp_path)
    assert calls == [("full", False), ("full", True), ("full", False), ("full", True), ("full", True)]


@pytest.mark.parametrize("number", [errno.ENOTSUP, errno.EINVAL, errno.ENOTTY])
def test_file_system_that_does_not_know_the_call_of_macos_gets_fsync(tmp_path, calls, on_macos, number):
    on_macos(number)
    with open(tmp_path / "file", "wb") as file:
        force_to_disk(file.fileno())
    assert calls == [("full", False), ("fsync", False)]


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_write_that_failed_is_not_hidden_by_another_try(tmp_path, calls, on_macos, number):
    on_macos(number)
    with pytest.raises(ResourceError):
        write_atomically(tmp_path / "file", b"content")
    assert calls == [("full", False)]
    assert list(tmp_path.iterdir()) == []
