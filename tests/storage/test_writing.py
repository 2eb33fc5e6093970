"""Atomic writing: the order of its steps, and what is left when each of them fails."""

import errno
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mnistnn.errors import ResourceError, RunError
from mnistnn.storage import locking
from mnistnn.storage.writing import append_line, force, remove_last_line, remove_leftovers, write_atomically


class DiskRefuses:
    """Stands in for an os function and fails at its n-th call."""

    def __init__(self, real, at, number=errno.ENOSPC):
        self.real, self.at, self.number, self.calls = real, at, number, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        if self.calls == self.at:
            raise OSError(self.number, os.strerror(self.number))
        return self.real(*arguments, **options)


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "target.txt"
    path.write_bytes(b"old")
    return path


def test_write_replaces_the_content(target):
    write_atomically(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def test_write_makes_a_new_file(tmp_path):
    write_atomically(tmp_path / "a", [b"in ", b"", b"pieces"])
    assert (tmp_path / "a").read_bytes() == b"in pieces"


def test_write_makes_no_executable_or_private_file(target):
    write_atomically(target, b"new")
    assert stat.S_IMODE(target.stat().st_mode) & 0o700 == 0o600


def test_steps_are_write_fsync_replace_and_fsync_of_the_folder(target, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            assert os.fstat(descriptor).st_ino == target.parent.stat().st_ino
            steps.append("fsync of the folder")
        else:
            steps.append(f"fsync of {os.fstat(descriptor).st_size} bytes")
        fsync(descriptor)

    def noted_replace(source, destination):
        steps.append("replace")
        replace(source, destination)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_atomically(target, b"12345")
    assert steps == ["fsync of 5 bytes", "replace", "fsync of the folder"]


@pytest.mark.parametrize("step", ["open", "fdopen", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EMFILE])
def test_failing_step_leaves_the_old_content_and_nothing_else(target, monkeypatch, step, number):
    monkeypatch.setattr(os, step, DiskRefuses(getattr(os, step), 1, number))
    with pytest.raises(ResourceError, match=r"target\.txt: ") as caught:
        write_atomically(target, b"new")
    assert caught.value.exit_code == 5
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_failing_write_leaves_the_old_content_and_nothing_else(target, monkeypatch):
    """The write itself fails: the temporary file is on a full disk."""
    real = os.open

    def on_a_full_disk(path, flags, *mode, **options):
        descriptor = real(path, flags, *mode, **options)
        if flags & os.O_EXCL:
            full = real("/dev/full", os.O_WRONLY)
            os.dup2(full, descriptor)
            os.close(full)
        return descriptor

    monkeypatch.setattr(os, "open", on_a_full_disk)
    with pytest.raises(ResourceError, match="no space left on the disk"):
        write_atomically(target, b"new" * 100_000)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_failing_fsync_of_the_folder_is_reported_although_the_new_content_stands(target, monkeypatch):
    monkeypatch.setattr(os, "fsync", DiskRefuses(os.fsync, 2, errno.EIO))
    with pytest.raises(ResourceError, match="input/output error"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def test_missing_folder_is_a_resource_error_naming_the_file(tmp_path):
    with pytest.raises(ResourceError, match=r"gone/a: No such file"):
        write_atomically(tmp_path / "gone" / "a", b"")


def test_failing_source_of_pieces_leaves_the_old_content(target):
    def pieces():
        yield b"some"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_atomically(target, pieces())
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_leftovers_of_a_killed_writer_are_removed_and_nothing_else(target, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(*arguments, **options):
        raise Killed

    with monkeypatch.context() as killed:
        killed.setattr(os, "fsync", kill)
        killed.setattr(os, "unlink", kill)
        with pytest.raises(Killed):
            write_atomically(target, b"new")
    others = [target, target.with_name(".hidden"), target.with_name("note.tmp")]
    for other in others[1:]:
        other.touch()
    assert len(list(target.parent.iterdir())) == 4
    remove_leftovers(target.parent)
    assert sorted(target.parent.iterdir()) == sorted(others)


def test_lines_are_appended(tmp_path):
    for text in ("one", "zwei ²"):
        append_line(tmp_path / "a", text)
    assert (tmp_path / "a").read_text() == "one\nzwei ²\n"


@pytest.mark.parametrize(("before", "after"), [("one\ntw", "one\nthree\n"), ("tw", "three\n"), ("", "three\n")])
def test_torn_line_is_cut_off_before_the_next_one(target, before, after):
    target.write_text(before)
    append_line(target, "three")
    assert target.read_text() == after


def test_lines_of_many_at_once_are_all_whole(tmp_path):
    target, texts = tmp_path / "a", [f"{number}: " + "x" * 3000 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: append_line(target, text), texts))
    assert sorted(target.read_text().splitlines()) == sorted(texts)


def test_line_that_cannot_be_forced_to_the_disk_is_a_resource_error(target, monkeypatch):
    append_line(target, "new")
    monkeypatch.setattr(os, "fsync", DiskRefuses(os.fsync, 1, errno.EIO))
    with pytest.raises(ResourceError, match=r"target\.txt: input/output error"):
        force([target])


@pytest.mark.parametrize(("content", "kept"), [(b"a\nb", b"a\n"), (b"a\n", b"a\n"), (b"b", b""), (b"", b"")])
def test_torn_last_line_is_cut_off(tmp_path, content, kept):
    path = tmp_path / "lines"
    path.write_bytes(content)
    append_line(path, "c")
    assert path.read_bytes() == kept + b"c\n"


def test_next_writer_of_a_name_removes_what_a_killed_one_left_of_it(target):
    left = target.with_name(f".{target.name}.0123456789ab.tmp")
    others = [target.with_name(name) for name in (".other.txt.0123456789ab.tmp", f"{left.name}x", ".x.tmp", "x.tmp")]
    for path in (left, *others):
        path.write_text("half of it")
    write_atomically(target, b"new")
    assert not left.exists()
    assert all(other.exists() for other in others)


def test_what_another_process_is_writing_is_left_alone(target):
    begun, may_end = threading.Event(), threading.Event()

    def pieces():
        yield b"first "
        begun.set()
        may_end.wait(10)
        yield b"second"

    writing = threading.Thread(target=write_atomically, args=(target, pieces()))
    writing.start()
    begun.wait(10)
    write_atomically(target, b"meanwhile")
    remove_leftovers(target.parent)
    may_end.set()
    writing.join()
    assert target.read_bytes() == b"first second"
    assert [path.name for path in target.parent.iterdir() if path.name.endswith(".tmp")] == []


@pytest.mark.parametrize("at", [0, 1])
def test_line_that_was_appended_can_be_taken_back(tmp_path, at):
    path = tmp_path / "lines"
    append_line(path, "one")
    before = path.read_bytes()
    append_line(path, "two")
    if at:  # torn
        os.truncate(path, len(before) + 2)
    remove_last_line(path, "two")
    assert path.read_bytes() == before
    remove_last_line(path, "two")  # somebody else's line is no line of ours
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize(
    "write", [lambda p: append_line(p, "x"), lambda p: force([p]), lambda p: remove_last_line(p, "")]
)
def test_nothing_is_appended_through_a_link_or_to_a_pipe(tmp_path, kind, write):
    (tmp_path / "elsewhere").write_text("kept")
    path = tmp_path / "lines"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("elsewhere")
    with pytest.raises(RunError, match="a symbolic link" if kind == "link" else "not a file"):
        write(path)
    assert (tmp_path / "elsewhere").read_text() == "kept"


@pytest.mark.parametrize(("age_s", "stays"), [(1.0, True), (1000.0, False)])
def test_file_that_was_just_written_is_no_leftover_where_locks_end_before_the_file_has_its_name(
    target, monkeypatch, age_s, stays
):
    left = target.with_name(f".{target.name}.0123456789ab.tmp")
    left.write_text("half of it")
    os.utime(left, (time.time() - age_s,) * 2)
    monkeypatch.setattr(locking, "GRACE_S", 60.0)
    write_atomically(target, b"new")
    assert left.exists() == stays
