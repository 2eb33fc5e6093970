"""`train --seeds --workers`: several runs at a time, each as if it were alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record
from tests.faults.stops import children_of

RUNS = Path("runs")
LONG = "stopping.max_epochs.epochs=2000"


def by_seed(runs: Path = RUNS) -> dict[int, RunDirectory]:
    found = {}
    for run in all_runs(runs):
        (line,) = (text for text in run.config.read_text().splitlines() if text.startswith("seed: "))
        found[int(line.removeprefix("seed: "))] = run
    return found


def begin(toy: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mnistnn", "train", str(toy), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_until_training(count: int) -> None:
    for _ in range(900):
        if sum(len(read_rows(run.metrics)) > 1 for run in all_runs(RUNS)) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("they do not begin")


def test_runs_at_a_time_are_those_of_one_after_the_other_with_as_many_threads(toy, command, assert_same_result):
    done = command("train", toy, "--seeds", "0..2", "--workers", "2", "-q")
    assert (done.code, done.err) == (0, "")
    *lines, mean, after = done.out.splitlines()
    lines.sort()
    assert (mean.partition(":")[0], after.partition(":")[0]) == ("3 seeds", "next")
    assert [line.partition(":")[0] for line in lines] == ["seed 0", "seed 1", "seed 2"]
    assert all("best epoch" in line and "; run runs/toy/" in line for line in lines)
    threads = str(read_record(by_seed()[0]).threads)
    command("train", toy, f"backend.threads={threads}", "--seeds", "0..2", "--runs", "serial", "-q")
    for seed, run in by_seed().items():
        assert_same_result(run.path, by_seed(Path("serial"))[seed].path)
        assert read_record(run).status == "finished"


def test_cores_are_divided_among_the_workers(toy, command, monkeypatch):
    monkeypatch.setattr("mnistnn.sweep.planning.usable_cores", lambda: 4)
    monkeypatch.setattr("mnistnn.experiment.resources.usable_cores", lambda: 4)
    done = command("train", toy, "--seeds", "0..1", "--workers", "2", "--dry-run")
    assert done.code == 0
    assert done.out.count("threads: 2\n") == 2
    assert not RUNS.exists()


def test_failure_is_said_and_the_others_go_on(toy, command, start):
    done = command("train", toy, "--seeds", "0..2", "--workers", "2", "optimizer.learning_rate=1e30")
    assert done.code == 8
    assert done.err.count("failed: the training loss is no longer a finite number") == 3
    assert done.err.endswith("error: 3 of 3 runs failed\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_saves_all_that_is_under_way(toy, number, code):
    options = ("--seeds", "0..2", "--workers", "2")
    process = begin(toy, LONG, *options)
    wait_until_training(2)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err.decode()
    assert "interrupted; 0 of 3 runs are finished, and what was under way is saved: --resume auto" in err.decode()
    assert {read_record(run).status for run in by_seed().values()} == {"interrupted"}
    assert sorted(by_seed()) == [0, 1]


def test_worker_that_dies_is_said_and_resume_auto_goes_on(toy, command, tmp_path, monkeypatch):
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "sitecustomize.py").write_text(POISON)
    options = ("--seeds", "0..1", "--workers", "2")
    with monkeypatch.context() as patched:
        patched.setenv("PYTHONPATH", str(tmp_path / "poison"))
        done = command("train", toy, *options)
    assert (done.code, done.err.count("failed: a process died; --resume auto goes on")) == (8, 2)
    begun = len(all_runs(RUNS))
    assert command("train", toy, *options, "--resume", "auto").code == 0
    assert sorted(by_seed()) == [0, 1]
    assert begun <= len(all_runs(RUNS)) <= 2


# What a worker does: it dies in its third epoch, as the kernel might end it for want of memory.
POISON = """
import os, sys
if "multiprocessing" in " ".join(sys.argv + sys.orig_argv):
    from mnistnn.runner.checkpointing import RunCheckpointing
    real = RunCheckpointing.after_evaluation
    def deadly(self, t):
        real(self, t)
        if len(t.history) == 3:
            os._exit(11)
    RunCheckpointing.after_evaluation = deadly
"""


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["in turn", "at a time"])
def test_resume_auto_leaves_seeds_alone_that_are_finished(toy, command, everything_below, workers):
    assert command("train", toy, "--seeds", "0..1", *workers, "-q").code == 0
    before = everything_below(RUNS)
    done = command("train", toy, "--seeds", "0..2", *workers, "--resume", "auto")
    assert done.code == 0
    assert (done.out + done.err).count("finished already") == 2
    assert "3 seeds: best valid.error" in done.out
    assert sorted(by_seed()) == [0, 1, 2]
    assert len(all_runs(RUNS)) == 3
    after = everything_below(RUNS)
    assert {path: after[path] for path in before} == before


def test_run_whose_process_alone_is_stopped_is_gone_on_with(toy):
    before = begin(toy, LONG, "--seeds", "0..0")  # which may not be taken for one of those
    wait_until_training(1)
    before.terminate()
    before.communicate()
    process = begin(toy, "stopping.max_epochs.epochs=150", "--seeds", "0..2", "--workers", "2")
    wait_until_training(3)
    os.kill(children_of(process.pid)[0], signal.SIGUSR1)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 0, (out, err)
    records = [read_record(run) for run in all_runs(RUNS)]
    assert sorted(record.status for record in records) == ["finished"] * 3 + ["interrupted"]


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["in turn", "at a time"])
def test_number_of_threads_makes_no_other_experiment_of_a_seed(toy, command, monkeypatch, workers):
    monkeypatch.setattr("mnistnn.runner.resuming.usable_cores", lambda: 4)
    assert command("train", toy, "--seeds", "0..1", "backend.threads=3", "-q").code == 0
    assert command("train", toy, "--seeds", "0..1", *workers, "--resume", "auto", "-q").code == 0
    assert len(all_runs(RUNS)) == 2


# What happens to the clock: it is an hour behind in the processes that do the work.
STEPPING_BACK = """
import sys, time
real = time.time
if "spawn_main" in " ".join(sys.orig_argv):
    time.time = lambda: real() - 3600
"""


def test_time_budget_ends_training_though_the_clock_steps_back(toy, tmp_path, monkeypatch):
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(STEPPING_BACK)
    found = [str(tmp_path / "hook"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(found))
    options = ("--seeds", "0..1", "--workers", "2", "--time-budget", "4s")
    process = begin(toy, "stopping.max_epochs.epochs=200000", *options)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75, err.decode()


def test_time_budget_is_that_of_all_together(toy):
    process = begin(toy, LONG, "--seeds", "0..3", "--workers", "2", "--time-budget", "6s")
    _, err = process.communicate(timeout=90)
    assert process.returncode == 75, err.decode()
    assert "time budget spent; 0 of 4 runs are finished" in err.decode()
    assert err.decode().count("not begun") == 2
    assert {read_record(run).status for run in by_seed().values()} == {"stopped"}


def test_run_ends_when_the_process_that_began_it_is_killed(toy):
    process = begin(toy, LONG, "--seeds", "0..1", "--workers", "2")
    wait_until_training(2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    for _ in range(200):
        if {read_record(run).status for run in by_seed().values()} == {"interrupted"}:
            return
        time.sleep(0.1)
    raise AssertionError("they go on")


def test_workers_without_seeds_are_refused(toy, command):
    done = command("train", toy, "--workers", "2")
    assert (done.code, "goes with --seeds" in done.err) == (2, True)
    assert not RUNS.exists()
