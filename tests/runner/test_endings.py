"""How a run can end otherwise than by a policy, and what is kept of it."""

import errno
import math
import signal
from pathlib import Path

import numpy as np
import pytest

from mnistnn.run import lock
from mnistnn.run.checkpoint import read_newest
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record
from mnistnn.runner.checkpointing import RunCheckpointing
from tests.faults.disk import Disk


@pytest.fixture
def watched_disk(monkeypatch):
    """Return a disk of which the calls below a folder can be made to fail."""
    return lambda folder: Disk(folder, monkeypatch)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_ends_the_run_after_the_update_saved_and_resumable(
    toy, command, stop_after, number, code, start, assert_same_result
):
    stop_after(27, number)
    done = command("train", toy, "--run-dir", "run")
    assert done.code == code
    assert done.err.endswith("interrupted in epoch 3 after update 27; saved. Go on with: mnistnn resume run\n")
    saved = read_newest(Path("run/checkpoints"))[1].state
    assert (saved.progress.updates, saved.progress.batch) == (27, 7)
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.exit_code) == ("interrupted", code)
    assert record.best_epoch in (1, 2)
    start(toy, path="reference")
    assert command("resume", "run").code == 0
    assert_same_result("run", "reference")


@pytest.mark.parametrize("updates", [1, 9, 10, 11, 60])
def test_run_stopped_after_any_update_resumes_with_the_same_bits(
    toy, command, stop_after, updates, start, assert_same_result
):
    """Also after the last update of an epoch, before its evaluation."""
    start(toy, path="reference")
    stop_after(updates)
    assert command("train", toy, "--run-dir", "run").code == 143
    assert command("resume", "run").code == 0
    assert_same_result("run", "reference")


def test_time_budget_ends_with_75_and_can_be_resumed(toy, command, start, assert_same_result):
    start(toy, path="reference")
    done = command("train", toy, "--run-dir", "run", "--time-budget", "0s")
    assert done.code == 75
    assert done.err.endswith("time budget spent in epoch 1 after update 1; saved. Go on with: mnistnn resume run\n")
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.exit_code, record.best_epoch) == ("stopped", 75, None)
    assert command("resume", "run", "--time-budget", "0").code == 75
    assert read_newest(Path("run/checkpoints"))[1].state.progress.updates == 2
    assert command("resume", "run", "--time-budget", "1h").code == 0
    assert_same_result("run", "reference")


def test_divergence_ends_with_6_and_the_last_good_checkpoint_stays(toy, command):
    done = command("train", toy, "optimizer.learning_rate=1e30", "--run-dir", "run")
    assert done.code == 6
    assert "no longer a finite number" in done.err
    assert "Traceback" not in done.err
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.exit_code, record.best) == ("diverged", 6, None)
    assert np.isfinite(read_newest(Path("run/checkpoints"))[1].tensors["theta"]).all()
    assert read_rows(Path("run/metrics.jsonl")) == []


def test_divergence_in_a_later_epoch_leaves_the_best_before_it(toy, command, monkeypatch):
    from mnistnn.optim.sgd import SGD

    def rate_that_explodes(self, progress):
        return 0.2 if progress.updates < 25 else math.inf

    real = SGD.step

    def step(self, objective, progress):
        self.learning_rate = rate_that_explodes(self, progress)
        return real(self, objective, progress)

    monkeypatch.setattr(SGD, "step", step)
    assert command("train", toy, "--run-dir", "run").code == 6
    record = read_record(RunDirectory(Path("run")))
    assert record.best_epoch in (1, 2)
    assert record.best is not None
    assert all(map(math.isfinite, record.best.values()))
    saved = read_newest(Path("run/checkpoints"))[1]
    assert np.isfinite(saved.tensors["best"]).all()
    assert saved.state.progress.epoch == 2
    assert command("eval", "run", "--split", "valid").code == 0


def test_bug_is_recorded_as_a_failed_run(toy, command, monkeypatch):
    def fail(self, t):
        raise KeyError("x")

    monkeypatch.setattr(RunCheckpointing, "after_evaluation", fail)
    assert command("train", toy, "--run-dir", "run").code == 1
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.exit_code) == ("failed", 1)


def test_exhausted_memory_is_recorded_with_its_exit_code(toy, command, monkeypatch):
    def refuse(self, t):
        raise MemoryError

    monkeypatch.setattr(RunCheckpointing, "after_evaluation", refuse)
    assert command("train", toy, "--run-dir", "run").code == 5
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.exit_code, record.reason) == ("failed", 5, "MemoryError")


def test_start_where_another_process_trains_ends_with_7(toy, command, start):
    run = start(toy).run
    with lock.exclusive(run):
        done = command("train", toy, "--run-dir", "run")
    assert (done.code, done.err) == (7, "error: run is in use by another mnistnn process\n")
    assert command("train", toy, "--run-dir", "run").code == 4


@pytest.mark.parametrize("name", ["log.txt", "metrics.jsonl"])
def test_file_that_fails_when_it_is_closed_ends_with_5(toy, command, watched_disk, name):
    """As it does on a network: what was written turns out to be lost."""
    disk = watched_disk(Path("run"))
    assert command("train", toy, "--run-dir", "run", "-q").code == 0
    at = 1 + max(n for n, call in enumerate(disk.calls) if str(call) == f"close {name}")
    disk = watched_disk(Path("again"))
    disk.arm(at, "once", errno.EIO)
    done = command("train", toy, "--run-dir", "again", "-q")
    assert (done.code, done.err) == (5, f"error: again/{name}: input/output error\n")
    assert read_record(RunDirectory(Path("again"))).exit_code == 5
