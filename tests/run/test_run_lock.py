"""The lock of a run: held by a live process, or by nobody."""

import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from mnistnn.errors import BusyError, ResourceError
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory

HOLD = """
import sys
from pathlib import Path
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
with lock.exclusive(RunDirectory(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another_process(run):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


def test_lock_of_another_process_is_refused_at_once(run):
    with held_by_another_process(run):
        began = time.monotonic()
        with pytest.raises(BusyError, match="is in use by another mnistnn process"), lock.exclusive(run):
            pass
        assert time.monotonic() - began < 1
        assert lock.is_held(run)


def test_lock_is_free_when_its_holder_was_killed(run):
    with held_by_another_process(run) as holder:
        holder.kill()
        holder.wait()
        assert run.lock.exists()
        assert not lock.is_held(run)
        with lock.exclusive(run):
            pass


def test_left_over_lock_file_means_nothing(run):
    run.lock.write_text("12345")
    assert not lock.is_held(run)
    with lock.exclusive(run):
        assert lock.is_held(run)
    assert not lock.is_held(run)


def test_lock_is_released_when_its_block_fails(run):
    with pytest.raises(ZeroDivisionError), lock.exclusive(run):
        raise ZeroDivisionError
    assert not lock.is_held(run)


def test_looking_at_a_lock_writes_nothing(run):
    assert not lock.is_held(run)
    assert list(run.path.iterdir()) == []


def test_lock_that_cannot_be_made_is_a_resource_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceError, match="file"), lock.exclusive(RunDirectory(tmp_path / "file")):
        pass
