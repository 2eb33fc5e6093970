"""Hostile surroundings: folders that cannot be written, no memory, no descriptors, odd paths, clocks that step back."""

import os
import resource
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mnistnn.objectives.supervised import Objective
from mnistnn.run import directory
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from tests.faults.trials import command, result_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def half_done(short_train, stop_after, tmp_path):
    """A copy of the short training, interrupted in its second epoch."""
    stop_after(4)
    done = command("train", short_train.config, *short_train.overrides, "--run-dir", tmp_path / "half", "-q")
    assert done.code == 143, done.err
    return tmp_path / "half"


@pytest.mark.parametrize(
    "name",
    ["with spaces and ' quotes", "Zürich – 数字 🔢", "two\nlines", "-dash", "--resume", "$(touch canary)", "a" * 255],
)
def test_run_goes_on_wherever_it_was_moved(half_done, short_train, tmp_path, name):
    moved = half_done.rename(tmp_path / name)
    done = command("resume", moved)
    assert done.code == 0, done.err
    assert result_of(moved) == short_train.expected
    assert "\x1b" not in done.out + done.err
    assert not (tmp_path / "canary").exists()


def test_run_in_a_folder_of_an_odd_name_says_how_to_go_on_with_it(short_train, stop_after, tmp_path):
    stop_after(4)
    done = command("train", short_train.config, *short_train.overrides, "--run-dir", "./-odd name", "-q")
    assert done.code == 143
    again = subprocess.run(
        ["bash", "-c", f"printf '%s' {done.err.rpartition('mnistnn resume')[2]}"], stdout=subprocess.PIPE
    )
    assert (tmp_path / again.stdout.decode()).is_dir()
    assert command("resume", again.stdout.decode(), "-q").code == 0
    assert result_of(tmp_path / "-odd name") == short_train.expected


def test_copies_of_a_run_go_on_each_by_itself(half_done, short_train, tmp_path):
    shutil.copytree(half_done, tmp_path / "copy")
    for run in (half_done, tmp_path / "copy"):
        assert command("resume", run, "-q").code == 0
        assert result_of(run) == short_train.expected


def test_folder_that_cannot_be_written_ends_with_5_and_is_left_as_it_was(half_done, tmp_path, everything_below):
    before = everything_below(half_done)
    for folder in (half_done, half_done / "checkpoints"):
        folder.chmod(0o555)
    try:
        if os.access(half_done, os.W_OK):
            pytest.skip("this user may write everywhere")
        done = command("resume", half_done, "-q")
        assert (done.code, done.err.count("\n")) == (5, 1), done.err
        assert everything_below(half_done) == before
    finally:
        for folder in (half_done, half_done / "checkpoints"):
            folder.chmod(0o755)


def test_out_of_memory_inside_an_update_ends_with_5_and_loses_nothing(short_train, tmp_path, monkeypatch):
    real, calls = Objective.set_batch, []

    def set_batch(self, *arguments):
        calls.append(arguments)
        if len(calls) == 5:
            raise MemoryError
        real(self, *arguments)

    monkeypatch.setattr(Objective, "set_batch", set_batch)
    arguments = ("train", short_train.config, *short_train.overrides, "--run-dir", "run", "--resume", "auto", "-q")
    done = command(*arguments)
    assert (done.code, done.err) == (5, "error: out of memory\n")
    assert read_record(RunDirectory(Path("run"))).exit_code == 5
    assert command(*arguments).code == 0
    assert result_of(Path("run")) == short_train.expected


def test_out_of_descriptors_ends_with_a_message_and_loses_nothing(short_train, tmp_path):
    arguments = ("train", short_train.config, *short_train.overrides, "--run-dir", "run", "--resume", "auto", "-q")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    codes = set()
    for spare in range(1, 6):
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, hard))
        try:
            done = command(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        codes.add(done.code)
        assert "bug" not in done.err, done.err
    assert codes <= {0, 2, 3, 4, 5}
    assert codes != {0}
    assert command(*arguments).code == 0
    assert result_of(Path("run")) == short_train.expected


def test_clock_that_steps_back_changes_nothing(short_train, monkeypatch, tmp_path):
    class SteppingBack(datetime):
        hours = 0

        @classmethod
        def now(cls, tz=None):
            cls.hours += 1
            return datetime(2025, 1, 2) - timedelta(hours=cls.hours)

    monkeypatch.setattr(directory, "datetime", SteppingBack)
    monkeypatch.setattr("mnistnn.storage.timestamp.datetime", SteppingBack)
    paths = set()
    for _ in range(2):
        assert command("train", short_train.config, *short_train.overrides, "-q").code == 0
        paths.add(os.path.realpath("runs/latest"))
        assert result_of(Path("runs/latest")) == short_train.expected
        assert read_record(RunDirectory(Path("runs/latest"))).seconds >= 0
    assert len(paths) == 2


def in_a_process(short_train, toy_cache, stdout=subprocess.PIPE, **environment):
    """Train in a process that has the given environment only, and what chooses the kernels of BLAS on this machine."""
    of_blas = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}
    arguments = [
        sys.executable,
        "-m",
        "mnistnn",
        "train",
        short_train.config,
        *short_train.overrides,
        "--run-dir",
        "run",
    ]
    base = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **of_blas, "OPENBLAS_NUM_THREADS": "1"}
    environment = {**base, **environment}
    return subprocess.run(arguments, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60)


def test_training_needs_no_home_and_outlives_a_closed_pipe(short_train, toy_cache):
    """No HOME, no locale; what reads stdout is gone. The result is in the run."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = in_a_process(
            short_train, toy_cache, writer, MNISTNN_DATA=str(toy_cache), HOME="/nonexistent", LC_ALL="C"
        )
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert read_record(RunDirectory(Path("run"))).status == "finished"
    assert result_of(Path("run")) == short_train.expected


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_training_that_cannot_print_its_result_does_not_end_with_0(short_train, toy_cache):
    with open("/dev/full", "w") as full:
        done = in_a_process(short_train, toy_cache, full, MNISTNN_DATA=str(toy_cache))
    assert done.returncode == 5
    assert result_of(Path("run")) == short_train.expected
