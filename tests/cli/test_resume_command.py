"""`mnistnn train --resume auto` and `mnistnn resume`: which run is gone on with."""

import signal
from pathlib import Path

from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.finding import find
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

RUNS = Path("runs")


def records():
    return [read_record(run) for run in all_runs(RUNS)]


def epochs_of(folder):
    return [row["epoch"] for row in read_rows(Path(folder, "metrics.jsonl"))]


def test_resume_auto_starts_when_there_is_nothing_to_resume(toy, command):
    assert command("train", toy, "--resume", "auto", "-q").code == 0
    assert [record.resumed for record in records()] == [0]


def test_resume_auto_goes_on_with_the_unfinished_run(toy, command, stop_after, start, assert_same_result):
    start(toy, path="reference")
    stop_after(27)
    assert command("train", toy, "-q").code == 143
    done = command("train", toy, "--resume", "auto")
    assert done.code == 0
    assert "resumed after update 27 (epoch 3, batch 7)" in done.err
    assert [(record.status, record.resumed) for record in records()] == [("finished", 1)]
    assert_same_result(all_runs(RUNS)[0].path, "reference")


def test_resume_auto_starts_anew_when_all_runs_are_finished(toy, command):
    for _ in range(2):
        assert command("train", toy, "--resume", "auto", "-q").code == 0
    assert [record.resumed for record in records()] == [0, 0]


def test_resume_auto_leaves_unfinished_runs_of_other_experiments_alone(toy, command, stop_after):
    stop_after(27)
    assert command("train", toy, "--seed", "1", "-q").code == 143
    assert command("train", toy, "--resume", "auto", "-q").code == 0
    assert sorted(record.status for record in records()) == ["finished", "interrupted"]


def test_resume_auto_passes_over_unreadable_runs(toy, command, stop_after):
    stop_after(27)
    assert command("train", toy, "-q").code == 143
    find("latest", RUNS).record.write_text("{")
    assert command("train", toy, "--resume", "auto", "-q").code == 0
    assert len(all_runs(RUNS)) == 2


def test_resume_auto_with_a_run_dir_goes_on_there(toy, command, stop_after):
    arguments = ("train", toy, "--run-dir", "run", "--resume", "auto", "-q")
    stop_after(27, signal.SIGINT)
    assert command(*arguments).code == 130
    assert command(*arguments).code == 0
    assert command(*arguments).code == 0
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.resumed) == ("finished", 2)


def test_resume_auto_with_the_run_dir_of_another_experiment_is_refused(toy, command):
    command("train", toy, "--run-dir", "run", "-q")
    done = command("train", toy, "--run-dir", "run", "--resume", "auto", "--seed", "1")
    assert done.code == 2
    assert "seed: 0 in the run, 1 asked for" in done.err


def test_resume_finds_the_run_by_a_prefix_of_its_id(toy, command):
    command("train", toy, "-q")
    assert command("resume", records()[0].id[:12], "--epochs", "7", "-q").code == 0
    assert epochs_of(all_runs(RUNS)[0].path)[-1] == 7


def test_resume_of_no_run_is_refused(toy, command):
    done = command("resume", "2024")
    assert (done.code, done.err) == (
        4,
        "error: no run named '2024': neither a folder nor the start of a run id in runs\n",
    )


def test_resume_with_fewer_epochs_than_done_is_refused(toy, command):
    command("train", toy, "--run-dir", "run", "-q")
    before = newest_first(Path("run/checkpoints"))[0].read_bytes()
    done = command("resume", "run", "--epochs", "3")
    assert done.code == 2
    assert newest_first(Path("run/checkpoints"))[0].read_bytes() == before
    assert read(newest_first(Path("run/checkpoints"))[0]).state.progress.epoch == 6


def test_run_at_its_end_says_so(toy, command):
    assert command("train", toy, "--epochs", "1").code == 0
    done = command("resume", "latest")
    assert done.code == 0
    assert "it was at its end already; --epochs" in done.err
    assert "it was at its end" not in command("resume", "latest", "--epochs", "2").err
