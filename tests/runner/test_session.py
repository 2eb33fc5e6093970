"""What a run leaves behind, and what is refused before anything is written."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mnistnn.backend import jit
from mnistnn.config.load import load_experiment
from mnistnn.data.datasets import cache
from mnistnn.data.formats.image_set import FILE_NAMES
from mnistnn.errors import InterruptedRunError
from mnistnn.experiment.plan import Plan
from mnistnn.optim import rule
from mnistnn.run.checkpoint import newest_first, read, read_newest
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record
from mnistnn.runner import session
from mnistnn.runner.signals import StopRequest


def test_run_directory_holds_the_documented_files(toy, start):
    run = start(toy, "seed=3").run
    assert {path.name for path in run.path.iterdir()} == {
        ".mnistnn-lock",
        "run.json",
        "config.yaml",
        "source",
        "environment.json",
        "metrics.jsonl",
        "timing.jsonl",
        "checkpoints",
        "eval",
        "log.txt",
    }
    assert sorted(os.listdir(run.source)) == ["0-toy.yaml", "overrides.txt"]
    assert (run.source / "0-toy.yaml").read_bytes() == toy.read_bytes()
    assert (run.source / "overrides.txt").read_text() == "seed=3\n"
    assert sorted(os.listdir(run.checkpoints)) == [
        "best.json",
        "step-0000000050.safetensors",
        "step-0000000060.safetensors",
    ]


def test_every_file_that_an_experiment_extends_is_kept(toy, start):
    child = toy.with_name("child.yaml")
    child.write_text("extends: toy.yaml\nseed: 4\n")
    run = start(child).run
    assert sorted(os.listdir(run.source)) == ["0-child.yaml", "1-toy.yaml"]
    assert "seed: 4\n" in run.config.read_text()


def test_nothing_in_a_run_names_an_absolute_place_of_it(toy, tmp_path, start):
    run = start(toy, path=tmp_path / "somewhere" / "run").run
    for path in (run.record, run.config, run.environment, run.metrics, *run.checkpoints.iterdir()):
        assert b"somewhere" not in path.read_bytes(), path


def test_metrics_hold_one_row_per_epoch_with_the_promised_keys(toy, start):
    rows = read_rows(start(toy).run.metrics)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["updates"] for row in rows] == [10, 20, 30, 40, 50, 60]
    assert [row["examples"] for row in rows] == [300, 600, 900, 1200, 1500, 1800]
    for row in rows:
        assert {"train.loss", "valid.loss", "valid.error", "learning_rate"} <= row.keys()


def test_wall_clock_metrics_are_kept_apart(toy, start):
    run = start(toy).run
    rows = [json.loads(line) for line in run.timing.read_text().splitlines()]
    assert [(row["epoch"], row["examples"]) for row in rows] == [(epoch, 300) for epoch in range(1, 7)]
    assert all(row["seconds"] >= 0 for row in rows)


def test_two_equal_runs_differ_in_nothing_but_time(toy, start):
    start(toy, path="a")
    start(toy, path="b")
    assert Path("a/metrics.jsonl").read_bytes() == Path("b/metrics.jsonl").read_bytes()
    for name in os.listdir("a/checkpoints"):
        assert Path("a/checkpoints", name).read_bytes() == Path("b/checkpoints", name).read_bytes()


def test_record_says_how_the_run_ended(toy, start):
    outcome = start(toy)
    record = read_record(outcome.run)
    assert record == outcome.record
    assert (record.id, record.name, record.status, record.exit_code) == ("run", "toy", "finished", 0)
    assert record.reason == "max_epochs: 6 epochs are done"
    assert record.best_epoch == outcome.best["epoch"]
    assert record.best == outcome.best
    assert record.seconds > 0
    assert str(record.ended) >= record.started


def test_environment_names_what_bits_depend_on(toy, start):
    environment = json.loads(start(toy).run.environment.read_text())
    assert {"python", "packages", "cpu", "blas", "device", "threads", "git", "data"} <= environment.keys()
    assert sorted(environment["data"]) == sorted(FILE_NAMES)
    assert environment["packages"]["numpy"] == np.__version__


def test_log_holds_the_lines_that_were_not_shown(toy, capsys, start):
    run = start(toy).run
    assert capsys.readouterr() == ("", "")
    lines = run.log.read_text().splitlines()
    assert lines[0].startswith("toy: 832 parameters, 300 training examples, 10 updates per epoch")
    assert [line.split()[:2] for line in lines[1:-1]] == [["epoch", str(epoch)] for epoch in range(1, 7)]
    assert lines[-1] == "finished: max_epochs: 6 epochs are done"


def test_best_parameters_are_restored_at_the_end(toy, start):
    # A rate at which the last epoch is not the best.
    plan = Plan(load_experiment(toy, ["optimizer.learning_rate=5.0", "stopping.max_epochs.epochs=9"]))
    outcome = session.start(plan, Path("run"), Path("runs"), session.Verbosity(shown=False))
    saved = read_newest(outcome.run.checkpoints)[1]
    assert saved.state.best == outcome.best != outcome.last
    np.testing.assert_array_equal(plan.task.flat.theta, saved.tensors["best"])
    assert not np.array_equal(saved.tensors["best"], saved.tensors["theta"])


def test_best_is_by_the_monitored_metric(toy, start):
    outcome = start(toy, "checkpoint.monitor=valid.loss")
    rows = read_rows(outcome.run.metrics)
    assert outcome.best == min(rows, key=lambda row: row["valid.loss"])


def test_ragged_last_batch_is_trained_on(toy, start):
    rows = read_rows(start(toy, "batches.size=128").run.metrics)
    assert (rows[0]["updates"], rows[0]["examples"]) == (3, 300)


def test_drop_last_leaves_the_ragged_batch_out(toy, start):
    rows = read_rows(start(toy, "batches.size=128", "batches.drop_last=true").run.metrics)
    assert (rows[0]["updates"], rows[0]["examples"]) == (2, 256)


def test_full_batch_makes_one_update_per_epoch(toy, start):
    assert read_rows(start(toy, "batches.size=full").run.metrics)[-1]["updates"] == 6


def test_intermediate_models_are_kept_when_asked_for(toy, start):
    run = start(toy, "checkpoint.keep_every_epochs=2", "checkpoint.keep_last=1").run
    assert [read(path).state.progress.epoch for path in newest_first(run.checkpoints)] == [6, 4, 2]


def test_best_note_names_the_newest_checkpoint(toy, start):
    run = start(toy).run
    note = json.loads((run.checkpoints / "best.json").read_text())
    assert note["checkpoint"] == newest_first(run.checkpoints)[0].name
    assert (note["tensor"], note["monitor"], note["epoch"]) == ("best", "valid.error", read_record(run).best_epoch)


def test_altered_training_data_is_refused_and_nothing_is_written(toy, command, own_toy_set, everything_below):
    own_toy_set(1)
    images = cache.set_folder("toy") / "train-images-idx3-ubyte"
    content = bytearray(images.read_bytes())
    content[-1] ^= 1
    images.write_bytes(content)
    before = everything_below(".")
    done = command("train", toy)
    assert done.code == 3
    assert f"{images}: SHA-256 is" in done.err
    assert everything_below(".") == before
    assert not Path("runs").exists()


def test_occupied_folder_is_refused_and_left_alone(toy, command, everything_below):
    Path("full").mkdir()
    Path("full", "thesis.txt").write_text("precious")
    before = everything_below(".")
    done = command("train", toy, "--run-dir", "full")
    assert (done.code, done.err) == (4, "error: full exists already; a run needs a new or an empty folder\n")
    assert everything_below(".") == before


def test_test_files_are_never_opened_by_training(toy, command, own_toy_set):
    own_toy_set(1)
    for path in cache.set_folder("toy").glob("t10k-*"):
        path.unlink()
    assert command("train", toy, "--run-dir", "run").code == 0
    assert command("eval", "run", "--split", "valid").code == 0
    done = command("eval", "run")
    assert done.code == 3
    assert "t10k-images" in done.err


def test_run_that_is_pruned_ends_at_that_evaluation_and_is_complete(toy, start, assert_same_result):
    asked = []

    def pruned_because(history):
        asked.append([row["epoch"] for row in history])
        return "pruned: for the test" if len(history) == 3 else None

    verbosity = session.Verbosity(shown=False)
    run = session.start(
        Plan(load_experiment(toy)), Path("run"), Path("runs"), verbosity, pruned_because=pruned_because
    ).run
    record = read_record(run)
    assert (record.status, record.exit_code, record.reason) == ("finished", 0, "pruned: for the test")
    assert asked == [[], [1], [1, 2], [1, 2, 3]]
    start(toy, "stopping.max_epochs.epochs=3", path="three")
    assert (run.path / "metrics.jsonl").read_bytes() == Path("three/metrics.jsonl").read_bytes()
    assert len(read_rows(run.metrics)) == 3


def test_policy_that_ends_a_run_is_heard_before_it_is_pruned(toy):
    verbosity = session.Verbosity(shown=False)
    plan = Plan(load_experiment(toy, ["stopping.max_epochs.epochs=1"]))
    outcome = session.start(
        plan, Path("run"), Path("runs"), verbosity, pruned_because=lambda rows: "pruned" if rows else None
    )
    assert outcome.record.reason == "max_epochs: 1 epoch is done"


def test_run_resumed_inside_an_epoch_is_given_up_at_its_next_evaluation_only(toy, stop_after):
    verbosity, plan = session.Verbosity(shown=False), Plan(load_experiment(toy))
    stop_after(15)
    with pytest.raises(InterruptedRunError):
        session.start(plan, Path("run"), Path("runs"), verbosity)
    run = RunDirectory(Path("run"))
    outcome = session.resume_as(
        run, load_experiment(toy), verbosity, pruned_because=lambda rows: "pruned: now" if rows else None
    )
    assert outcome.record.reason == "pruned: now"
    assert [row["updates"] for row in read_rows(run.metrics)] == [10, 20]


@pytest.mark.parametrize("wanted", [False, True])
def test_choice_of_loops_is_the_same_from_the_first_update_to_the_last(wanted, toy, start, monkeypatch):
    """However long Numba takes to be imported."""
    answers: list[bool] = []

    def import_slowly() -> bool:
        time.sleep(0.3)
        return True

    def ask() -> bool:
        answers.append(jit.is_available())
        return False

    monkeypatch.setattr(jit, "can_compile", import_slowly)
    monkeypatch.setattr(jit, "_first", lambda y: None)
    monkeypatch.setattr(rule, "is_available", ask)
    monkeypatch.setattr(rule, "FUSED_ABOVE", 0)
    monkeypatch.setattr(Plan, "needs_loops", wanted)
    start(toy)
    assert answers == 60 * [wanted]


def stopped_by(stop: StopRequest, toy: Path) -> None:
    """Train toy under a request."""
    plan = Plan(load_experiment(toy, ["stopping.max_epochs.epochs=100000"]))
    with pytest.raises(InterruptedRunError):
        session.start(plan, Path("run"), Path("runs"), session.Verbosity(shown=False), stop=stop)


def test_run_in_any_thread_heeds_the_request_that_it_is_handed(toy):
    stop = StopRequest()
    training = threading.Thread(target=stopped_by, args=(stop, toy))
    training.start()
    while not (Path("run/metrics.jsonl").exists() and Path("run/metrics.jsonl").read_bytes()):
        time.sleep(0.01)
    stop.ask(signal.SIGTERM)
    training.join(30)
    record = read_record(RunDirectory(Path("run")))
    assert (record.status, record.exit_code) == ("interrupted", 143)
