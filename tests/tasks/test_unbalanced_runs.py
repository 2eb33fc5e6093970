"""Whole runs that weigh classes, and choose by the balanced error: trained, resumed, fitted, refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import predictions_of
from mnistnn.analysis.inspection.layer_statistics import statistics_of
from mnistnn.config.load import load_experiment
from mnistnn.errors import InterruptedRunError
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory

SHAPES = Path(__file__).parents[2] / "experiments" / "parts" / "shapes.csv"
STEPS = """\
name: steps
data: {sequences: {type: csv, path: shapes.csv, label: shape, series: wave, every_step: true, valid: 0.25, test: 0.25}}
model:
  type: sequential
  layers:
    memory: {type: gru, units: 4, output: every}
    output: {type: dense, units: 3, each_step: true}
loss: {type: softmax_nll, class_weights: balanced, label_smoothing: 0.05}
batches: {size: 10}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 1}]
"""
BALANCED = "valid.balanced_error"
MONITORED = f"checkpoint.monitor={BALANCED}"


def rows(run="run"):
    return [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]


def balanced_error_of(run="run", split="valid"):
    """Compute it from the predictions, class by class."""
    found = predictions_of(load_trained(RunDirectory(Path(run)), "last"), split)
    classes = [found.predicted[found.labels == label] == label for label in np.unique(found.labels)]
    return 1 - np.mean([right.mean() for right in classes])


@pytest.mark.parametrize("where", ["checkpoint", "policy", "rate"])
def test_column_is_there_for_whoever_reads_it(toy, start, where):
    start(
        toy,
        {
            "checkpoint": MONITORED,
            "policy": f"stopping=[{{type: course_patience, min_epochs: 3, max_patience: 3, monitor: {BALANCED}}}]",
            "rate": f"optimizer.learning_rate={{type: plateau, start: 0.2, patience: 1, monitor: {BALANCED}}}",
        }[where],
    )
    assert rows()[-1][BALANCED] == pytest.approx(balanced_error_of(), abs=1e-12)


def test_column_is_not_there_if_nothing_reads_it(toy, start):
    start(toy)
    assert not any(BALANCED in row for row in rows())


def test_best_epoch_has_the_lowest_balanced_error(toy, start, command):
    start(toy, MONITORED)
    best = json.loads(command("show", "run", "--json").out)["best"]
    assert best[BALANCED] == min(row[BALANCED] for row in rows())


@pytest.mark.parametrize("kind", ["pairs", "committee", "voters"])
def test_fitted_models_are_measured_too(kind, request, start):
    start(request.getfixturevalue(kind), MONITORED)
    assert rows()[-1][BALANCED] == pytest.approx(balanced_error_of(), abs=1e-12)


def test_each_step_of_a_sequence_counts(toy, start):
    shutil.copy(SHAPES, "shapes.csv")
    path = Path("steps.yaml")
    path.write_text(STEPS)
    start(path, MONITORED)
    trained = load_trained(RunDirectory(Path("run")), "last")
    right, counts = np.zeros(trained.plan.classes), np.zeros(trained.plan.classes)
    for x, labels in trained.batches("valid"):
        predicted = trained.task.criterion.predict(trained.task.scores(x))
        for label in range(len(counts)):
            counts[label] += (labels == label).sum()
            right[label] += ((labels == label) & (predicted == label)).sum()
    assert rows()[-1][BALANCED] == pytest.approx(1 - np.mean((right / counts)[counts > 0]), abs=1e-12)


def test_model_that_classifies_nothing_has_none(toy, start, command):
    text = toy.read_text().replace("softmax_nll", "hebbian")
    toy.write_text(text + f"checkpoint: {{monitor: {BALANCED}}}\n")
    done = command("config", "check", toy)
    assert done.code == 2
    assert "there is no valid.balanced_error" in done.err


def test_killed_run_with_balanced_weights_ends_with_the_same_bits(toy, start, stop_after, command):
    changes = ("loss.class_weights=balanced", "data.labels={positive: [2]}", "model.layers.output.units=2", MONITORED)
    start(toy, *changes, path="whole")
    stop_after(20)
    with pytest.raises(InterruptedRunError):
        start(toy, *changes)
    assert command("resume", "run", "-q").code == 0
    assert rows("run") == rows("whole")


def test_statistics_of_layers_weigh_as_training_does(toy, start):
    start(toy, "loss.class_weights=balanced")
    trained = load_trained(RunDirectory(Path("run")))
    counts = np.bincount(trained.placed("train").labels, minlength=4)
    found = predictions_of(trained, "valid", 30)
    assert found.probabilities is not None
    nll = -np.log(found.probabilities[np.arange(30), found.labels])
    expected = (counts.sum() / (4 * counts[found.labels]) * nll).mean()
    assert statistics_of(trained, "valid", 30).loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("policy", "metric"),
    [
        ("{type: course_patience, monitor: valid.balanced_error}", "valid.balanced_error"),
        ("{type: significance_patience}", "valid.gained, valid.lost"),
    ],
)
def test_resumed_run_is_not_given_a_policy_that_reads_what_was_not_measured(toy, start, command, policy, metric):
    start(toy)
    done = command("resume", "run", f"stopping=[{policy}]")
    assert done.code == 2
    assert f"reads {metric}, which the run has not measured so far" in done.err


def test_balanced_weights_follow_from_the_training_split(toy):
    plan = Plan(load_experiment(toy, ["loss.class_weights=balanced"]))
    objective: Any = plan.training().objective
    labels = plan.place("train").labels
    expected = [len(labels) / (4 * (labels == label).sum()) for label in range(4)]
    np.testing.assert_allclose(objective.loss.weights(np.zeros((1, 4))), expected, rtol=1e-15)


def test_wrong_number_of_weights_is_refused_at_its_line(toy, command):
    toy.write_text(toy.read_text().replace("{type: softmax_nll}", "{type: softmax_nll, class_weights: [1, 2, 3]}"))
    done = command("config", "check", toy)
    assert done.code == 2
    assert "toy.yaml:8:27: 3 numbers for 4 classes" in done.err


@pytest.mark.parametrize("value", ["[1, -1, 1, 1]", "often", "[]"])
def test_what_is_no_weight_is_refused(toy, command, value):
    done = command("config", "show", toy, f"loss.class_weights={value}")
    assert done.code == 2
    assert "loss.class_weights" in done.err


@pytest.mark.parametrize("value", ["1.0", "-0.1"])
def test_smoothing_lies_between_0_and_1(toy, command, value):
    done = command("config", "show", toy, f"loss.label_smoothing={value}")
    assert done.code == 2
    assert "loss.label_smoothing" in done.err


def test_gradient_check_takes_balanced_weights_of_its_batch(toy, command):
    done = command("inspect", "gradcheck", toy, "loss.class_weights=balanced", "loss.label_smoothing=0.1")
    assert done.code == 0, done.err
