"""Resuming: the same bits as without the interruption, or a refusal that changes nothing."""

import json
import os
import shutil
from pathlib import Path

import pytest

from mnistnn.run import lock
from mnistnn.run.checkpoint import newest_first
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.runner.checkpointing import RunCheckpointing


def test_finished_run_with_more_epochs_equals_a_longer_run(toy, command, start, assert_same_result):
    start(toy, "stopping.max_epochs.epochs=9", path="reference")
    start(toy, path="run")
    assert command("resume", "run", "--epochs", "9").code == 0
    assert_same_result("run", "reference")
    assert newest_first(Path("run/checkpoints"))[0].read_bytes() == (
        newest_first(Path("reference/checkpoints"))[0].read_bytes()
    )
    assert "epochs: 9" in Path("run/config.yaml").read_text()
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.resumed, record.reason) == ("finished", 1, "max_epochs: 9 epochs are done")


def test_resuming_a_finished_run_changes_no_result(toy, command, start, everything_below):
    start(toy)
    before = {path: content for path, (content, _) in everything_below("run/checkpoints").items()}
    done = command("resume", "run")
    assert done.code == 0
    assert "max_epochs: 6 epochs are done" in done.out
    assert {path: path.read_bytes() for path in Path("run/checkpoints").iterdir()} == before


@pytest.mark.parametrize(
    ("override", "difference"),
    [
        ("optimizer.learning_rate=0.1", "optimizer.learning_rate: 0.2 in the run, 0.1 asked for"),
        ("seed=1", "seed: 0 in the run, 1 asked for"),
        ("batches.size=16", "batches.size: 32 in the run, 16 asked for"),
        ("backend.dtype=float64", "backend.dtype: 'float32' in the run, 'float64' asked for"),
        ("checkpoint.monitor=valid.loss", "checkpoint.monitor: 'valid.error' in the run, 'valid.loss' asked for"),
        ("data.limits.train=100", "data.limits.train: None in the run, 100 asked for"),
    ],
)
def test_resume_of_another_experiment_is_refused_and_changes_nothing(
    toy, command, override, difference, start, everything_below
):
    start(toy)
    before = everything_below("run")
    done = command("resume", "run", override)
    assert done.code == 2
    assert "a resumed run may only change stopping, checkpoint" in done.err
    assert f"  {difference}\n" in done.err
    assert everything_below("run") == before


@pytest.mark.parametrize(
    "override", ["checkpoint.every_s=1.5", "checkpoint.keep_last=5", "stopping.0.epochs=7", "backend.threads=1"]
)
def test_resume_may_change_how_long_and_how_it_is_saved(toy, command, override, start):
    start(toy)
    assert command("resume", "run", override).code == 0


def test_resume_with_an_invalid_override_changes_nothing(toy, command, start, everything_below):
    start(toy)
    before = everything_below("run")
    done = command("resume", "run", "stopping.max_epochs.epochs=none")
    assert done.code == 2
    assert "stopping" in done.err
    assert everything_below("run") == before


def test_resume_after_the_data_set_changed_is_refused(toy, command, own_toy_set, start, everything_below):
    own_toy_set(1)
    start(toy)
    own_toy_set(2)
    before = everything_below("run")
    done = command("resume", "run", "--epochs", "9")
    assert (done.code, done.err) == (3, "error: run: the data set is not the one that this run was trained on\n")
    assert everything_below("run") == before


def test_changed_environment_is_a_warning_that_lists_what_differs(toy, command, start):
    start(toy)
    environment = json.loads(Path("run/environment.json").read_text())
    environment["python"] = "3.11.0rc0"
    del environment["sha256"]
    Path("run/environment.json").write_text(json.dumps(environment))
    done = command("resume", "run")
    assert done.code == 0
    assert "warning: not the environment of before: python: '3.11.0rc0' then, " in done.err


def test_resumed_run_may_use_the_cores_that_there_are_now(toy, command, monkeypatch, start):
    start(toy)
    monkeypatch.setattr("mnistnn.experiment.resources.usable_cores", lambda: 3)
    done = command("resume", "run", "--epochs", "7")
    assert "up to 3 thread(s)" in done.err
    assert "warning" not in done.err


def test_run_whose_bits_depended_on_threads_is_resumed_with_a_warning(toy, command, start):
    start(toy)
    environment = json.loads(Path("run/environment.json").read_text())
    for key in ("arithmetic", "sha256"):
        del environment[key]
    environment["threads"] = 2
    Path("run/environment.json").write_text(json.dumps(environment))
    done = command("resume", "run", "--epochs", "7")
    assert done.code == 0
    assert (
        "warning: not the environment of before: last bits depended on the number of threads (2) then, and do not now"
        in done.err
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: shutil.rmtree(run.checkpoints), "no usable checkpoint"),
        (lambda run: [path.write_bytes(b"x") for path in newest_first(run.checkpoints)], "no usable checkpoint"),
        (lambda run: os.truncate(run.metrics, 10), "10 bytes, but the checkpoint was saved at"),
        (lambda run: run.metrics.write_bytes(b"x" * 10_000), "altered since the checkpoint was saved"),
        (lambda run: run.record.write_text("{"), "not readable as a run record"),
        (lambda run: run.environment.unlink(), "environment.json: No such file"),
    ],
)
def test_damaged_run_is_refused_with_4(toy, command, damage, message, start):
    run = start(toy).run
    damage(run)
    done = command("resume", "run", "--epochs", "9")
    assert done.code == 4
    assert message in done.err


def test_checkpoint_of_another_architecture_is_refused(toy, command, start):
    run = start(toy).run
    other = start(toy, "model.layers.hidden.units=13", path="other").run
    for path in newest_first(other.checkpoints):
        (run.checkpoints / path.name).write_bytes(path.read_bytes())
    done = command("resume", "run", "--epochs", "9")
    assert done.code == 4
    assert "its tensors are not those of this experiment" in done.err


def test_run_killed_before_its_first_checkpoint_starts_at_the_beginning(
    toy, command, monkeypatch, start, assert_same_result
):
    class Killed(BaseException):
        pass

    def kill(self, t):
        raise Killed

    start(toy, path="reference")
    with monkeypatch.context() as killing:
        killing.setattr(RunCheckpointing, "commit", kill)
        with pytest.raises(Killed):
            start(toy)
    assert newest_first(Path("run/checkpoints")) == []
    assert command("resume", "run").code == 0
    assert_same_result("run", "reference")


def test_copied_and_moved_run_can_be_resumed(toy, command, stop_after, tmp_path, start, assert_same_result):
    stop_after(27)
    assert command("train", toy, "--run-dir", "run").code == 143
    Path("run").rename(tmp_path / "moved")
    start(toy, path="reference")
    assert command("resume", tmp_path / "moved").code == 0
    assert_same_result(tmp_path / "moved", "reference")


def test_run_that_is_in_use_is_refused_with_7(toy, command, start, everything_below):
    run = start(toy).run
    before = everything_below("run")
    with lock.exclusive(run):
        done = command("resume", "run", "--epochs", "9")
    assert (done.code, done.err) == (7, "error: run is in use by another mnistnn process\n")
    assert everything_below("run") == before


def test_resume_renews_the_note_of_the_best_that_a_killed_process_left_behind(toy, start, command):
    run = start(toy).run
    before = (run.checkpoints / "best.json").read_bytes()
    (run.checkpoints / "best.json").unlink()
    assert command("resume", "run").code == 0
    assert (run.checkpoints / "best.json").read_bytes() == before


def test_resume_cuts_off_a_line_of_timing_that_a_full_disk_left_half_written(toy, start, command):
    run = start(toy).run
    whole = run.timing.read_bytes()
    run.timing.write_bytes(whole + b'{"epoch": 7, "sec')
    assert command("resume", "run", "--epochs", "7").code == 0
    lines = run.timing.read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6, 7]
