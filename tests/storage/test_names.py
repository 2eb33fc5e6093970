"""Names: given and removed at once, or after a while where a reader keeps them; links, and where there are none."""

import errno
import os

import pytest

from mnistnn.storage import names


class Kept:
    """Stands in for a function of os that refuses a few times, as Windows does while somebody has the file open."""

    def __init__(self, real, times):
        self.real, self.times, self.calls = real, times, 0

    def __call__(self, *paths):
        self.calls += 1
        if self.calls <= self.times:
            raise PermissionError(errno.EACCES, "Permission denied")
        return self.real(*paths)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.touch()
    return path


STEPS = {"replace": lambda path: names.replace(path, path.with_name("other")), "unlink": names.remove}


@pytest.mark.parametrize("name", STEPS)
def test_file_that_somebody_has_open_is_renamed_and_removed_once_it_is_not(path, monkeypatch, name):
    monkeypatch.setattr(names, "_PATIENCE_S", 10.0)
    monkeypatch.setattr(os, name, Kept(getattr(os, name), 3))
    STEPS[name](path)
    assert not path.exists()


@pytest.mark.parametrize("name", STEPS)
def test_patience_ends(path, monkeypatch, name):
    monkeypatch.setattr(names, "_PATIENCE_S", 0.1)
    monkeypatch.setattr(os, name, Kept(getattr(os, name), 1000))
    with pytest.raises(PermissionError):
        STEPS[name](path)


@pytest.mark.parametrize("name", STEPS)
def test_refusal_is_final_where_open_files_are_no_reason(path, monkeypatch, name):
    refusing = Kept(getattr(os, name), 1)
    monkeypatch.setattr(os, name, refusing)
    with pytest.raises(PermissionError):
        STEPS[name](path)
    assert refusing.calls == 1


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EINVAL])
def test_file_system_without_links_is_no_error(tmp_path, monkeypatch, number):
    def refuse(*arguments):
        raise OSError(number, os.strerror(number))

    assert names.link("somewhere", tmp_path / "first")
    monkeypatch.setattr(os, "symlink", refuse)
    assert not names.link("somewhere", tmp_path / "second")
    assert os.listdir(tmp_path) == ["first"]


def test_disk_that_refuses_a_link_is_an_error(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(OSError, match="No space left"):
        names.link("somewhere", tmp_path / "link")
