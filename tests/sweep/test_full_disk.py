"""A disk that is full, under a sweep and under several seeds: that is no fault of a trial, and nothing is given up."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mnistnn.run import lock
from mnistnn.run.directory import all_runs
from mnistnn.run.record import read_record
from mnistnn.sweep.engines import Local
from mnistnn.sweep.scheduling import run_study
from mnistnn.sweep.study import Study, standing
from mnistnn.sweep.trial import run_trial

VALUES = ("stopping.max_epochs.epochs=40", "optimizer.learning_rate=0.1,0.3,0.2")

# What the processes of a sweep do: their disk is full as long as there is a file of this name, or from an epoch on.
FULL = """
import errno, os, sys
from pathlib import Path
if "spawn_main" in " ".join(sys.orig_argv):
    fsync, full, epoch = os.fsync, Path(os.environ["FULL"]), int(os.environ["FULL_FROM_EPOCH"])
    def refuse(descriptor):
        if full.exists() and (not epoch or full.read_text()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)
    os.fsync = refuse
    if epoch:
        from mnistnn.runner.checkpointing import RunCheckpointing
        real = RunCheckpointing.after_evaluation
        def after_evaluation(self, t):
            if full.exists() and len(t.history) == epoch:
                full.write_text("now")
            real(self, t)
        RunCheckpointing.after_evaluation = after_evaluation
"""


@pytest.fixture
def full(tmp_path, monkeypatch):
    """Let the disk of worker processes be full, from the beginning or from an epoch on, until the file is removed."""

    def arrange(from_epoch: int) -> Path:
        (tmp_path / "hook").mkdir(exist_ok=True)
        (tmp_path / "hook" / "sitecustomize.py").write_text(FULL)
        found = [str(tmp_path / "hook"), *filter(None, [os.environ.get("PYTHONPATH")])]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(dict.fromkeys(found)))
        monkeypatch.setenv("FULL", str(tmp_path / "full"))
        monkeypatch.setenv("FULL_FROM_EPOCH", str(from_epoch))
        room = Path(tmp_path / "full")
        room.touch()
        return room

    return arrange


def states(study: Study) -> set[str]:
    return {standing(study, trial).state for trial in study.trials}


@pytest.mark.parametrize("from_epoch", [0, 3])
def test_full_disk_stops_a_sweep_fails_no_trial_and_is_gone_on_with(
    prepared, command, bits, full, from_epoch, monkeypatch
):
    monkeypatch.setattr("mnistnn.sweep.study.MOST_ATTEMPTS", 1)  # one that counted would be one too many
    study = prepared(*VALUES)
    room = full(from_epoch)
    for _ in range(2 if from_epoch else 1):
        done = command("sweep", "resume", "study", "--workers", "2")
        assert done.code == 5, done
        assert "no space left on the disk" in done.err
        assert "mnistnn sweep resume study" in done.err.splitlines()[-1]
        assert states(study) <= {"waiting", "interrupted"}
        if from_epoch:
            room.write_text("")
    room.unlink()
    assert command("sweep", "resume", "study", "--workers", "2", "-q").code == 0
    serial = prepared(*VALUES, path="serial")
    for trial in serial.trials:
        run_trial(str(serial.path), trial.id)
    assert bits(study) == bits(serial)


def test_full_disk_stops_several_seeds_with_5(toy, command, full, start, assert_same_result):
    arguments = ("train", toy, "--seeds", "0..1", "--workers", "2", "--resume", "auto", "-q")
    room = full(2)
    done = command(*arguments)
    assert (done.code, "no space left on the disk" in done.err, "--resume auto" in done.err) == (5, True, True)
    room.unlink()
    assert command(*arguments).code == 0
    assert [read_record(run).status for run in all_runs(Path("runs"))] == ["finished"] * 2


def test_single_trial_of_an_array_ends_with_5_too(prepared, command, monkeypatch):
    study = prepared(*VALUES)

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        done = command("sweep", "trial", "study", study.trials[0].id)
    assert (done.code, "no space left on the disk" in done.err) == (5, True)
    assert states(study) == {"waiting"}


def test_single_trial_that_is_interrupted_does_not_end_with_0(prepared, command, stop_after):
    study = prepared(*VALUES)
    stop_after(5, signal.SIGHUP)
    done = command("sweep", "trial", "study", study.trials[0].id)
    assert (done.code, "interrupted in epoch 1 after update 5; saved" in done.err) == (129, True)


def test_trial_that_another_process_does_is_said_and_waited_for(prepared, tmp_path):
    study = prepared(*VALUES)
    taken, heard = study.run(study.trials[0]), []
    taken.path.mkdir()
    may_end = threading.Event()

    def hold() -> None:
        with lock.exclusive(taken):
            may_end.wait(60)

    holding = threading.Thread(target=hold)
    holding.start()

    def tell(progress) -> None:
        heard.append((progress.trial.id, progress.ended.state))
        if [state for _, state in heard].count("finished") == 2:
            may_end.set()

    assert run_study(study, Local(2), tell) is None
    holding.join()
    assert heard.count((study.trials[0].id, "busy")) == 1
    assert heard[-1] == (study.trials[0].id, "finished")
    assert states(study) == {"finished"}


def test_worker_that_is_ended_alone_costs_nothing(prepared):
    study = prepared("stopping.max_epochs.epochs=100", "optimizer.learning_rate=0.1,0.3")
    command = [sys.executable, "-m", "mnistnn", "sweep", "resume", "study", "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run = study.run(study.trials[0])
    while not (run.metrics.exists() and run.metrics.stat().st_size):
        assert process.poll() is None
        time.sleep(0.05)
    worker = study.attempts(study.trials[0]).read_text().split('"began": "')[1].split('"')[0].split(":")[1]
    os.kill(int(worker), signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, (out, err)
    assert states(study) == {"finished"}
