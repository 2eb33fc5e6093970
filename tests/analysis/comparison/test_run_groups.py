"""Runs loaded from wherever they lie, those that cannot be read named, and put into groups over seeds."""

import json
import shutil
from pathlib import Path

import pytest

from mnistnn.analysis.comparison.run_groups import grouped, load_runs
from mnistnn.errors import RunError

RUNS = Path("runs")


@pytest.fixture
def two(toy, start):
    """Two runs in the folder `runs/toy`, which differ in their seed."""
    paths = [RUNS / "toy" / name for name in ("20250101-000000-aaaa", "20250102-000000-bbbb")]
    for seed, path in enumerate(paths):
        start(toy, f"seed={seed}", "stopping.max_epochs.epochs=2", path=path)
    return paths


def test_runs_are_found_by_path_prefix_and_folder_each_once(two):
    views, problems = load_runs([str(two[0]), "20250102", "runs/toy", "runs"], RUNS)
    assert [each.run.path for each in views] == two
    assert problems == []


def test_loaded_run_has_its_rows_its_best_and_its_seconds(two):
    (one,), _ = load_runs([str(two[1])], RUNS)
    rows = [json.loads(line) for line in (two[1] / "metrics.jsonl").read_text().splitlines()]
    timing = [json.loads(line)["seconds"] for line in (two[1] / "timing.jsonl").read_text().splitlines()]
    assert one.rows == rows
    assert one.best == min(rows, key=lambda row: row["valid.error"])
    assert one.seconds == pytest.approx([timing[0], timing[0] + timing[1]])
    assert one.config["seed"] == 1


def torn(run):
    (run / "run.json").write_text("{")


def without_evaluations(run):
    (run / "metrics.jsonl").write_text("")


def damaged(run):
    (run / "metrics.jsonl").write_text("rubbish\n")


def edited(run):
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("units: 12", "units: 13"))


def foreign(run):
    shutil.rmtree(run)
    run.mkdir()
    (run / "notes.txt").write_text("no run")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (torn, "run.json"),
        (without_evaluations, "no evaluation yet"),
        (damaged, "metrics.jsonl:1"),
        (edited, "config.yaml: altered"),
        (foreign, "neither a run directory nor a folder of runs"),
    ],
)
def test_run_that_cannot_be_read_is_named_with_the_reason_and_the_others_stay(two, damage, reason):
    damage(two[0])
    views, problems = load_runs(map(str, two), RUNS)
    assert [each.run.path for each in views] == two[1:]
    assert [each.reference for each in problems] == [str(two[0])]
    assert reason in problems[0].problem


def test_nothing_readable_is_an_error_with_all_reasons(two):
    torn(two[0])
    with pytest.raises(RunError, match=r"(?s)run\.json.*no run named 'gone'"):
        load_runs([str(two[0]), "gone"], RUNS)


def test_runs_that_differ_in_their_seed_are_one_group(two):
    (group,) = grouped(load_runs(["runs"], RUNS)[0])
    assert group.label == "toy"
    assert [each.config["seed"] for each in group.runs] == [0, 1]


def test_groups_of_one_name_are_called_by_what_they_differ_in(two, toy, start):
    epochs = "stopping.max_epochs.epochs=2"
    start(toy, epochs, "optimizer.learning_rate=0.05", path="slow")
    start(toy, epochs, "optimizer.learning_rate=0.05", "penalties.l2=null", path="bare")
    start(toy, epochs, "name=other", path="other")
    views, _ = load_runs([*map(str, two), "slow", "bare", "other"], RUNS)
    assert [(group.label, len(group.runs)) for group in grouped(views)] == [
        ('toy (optimizer.learning_rate=0.2, penalties.l2={"strength": 0.0001, "reduce": …)', 2),
        ('toy (optimizer.learning_rate=0.05, penalties.l2={"strength": 0.0001, "reduce": …)', 1),
        ("toy (optimizer.learning_rate=0.05, penalties.l2=null)", 1),
        ("other", 1),
    ]


def test_what_changes_neither_training_nor_the_best_epoch_makes_no_other_experiment(two, toy, start):
    more = ("checkpoint.keep_every_epochs=1", "evaluation.train_error=true", "expect.note=new")
    start(toy, "stopping.max_epochs.epochs=2", *more, path="kept")
    start(toy, "stopping.max_epochs.epochs=2", "checkpoint.monitor=valid.loss", path="by-loss")
    groups = grouped(load_runs([str(two[0]), "kept", "by-loss"], RUNS)[0])
    assert [(group.label, len(group.runs)) for group in groups] == [
        ("toy (checkpoint.monitor=valid.error)", 2),
        ("toy (checkpoint.monitor=valid.loss)", 1),
    ]
