"""Methods that make several passes for an update, in whole runs: kept, stopped anywhere, gone on with, verified."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

METHODS = {
    "conjugate_gradient": ["optimizer={type: conjugate_gradient}", "batches={size: full}"],
    "l_bfgs": ["optimizer={type: l_bfgs, memory: 4}", "batches={size: full, chunk: 70}"],
    "l_bfgs, several updates of distorted batches with dropout": [
        "optimizer={type: l_bfgs, line_search: {type: backtracking}}",
        "batches={size: 120, updates: 3, chunk: 50}",
        "augment={shift_px: 0.5}",
        "model.layers.output={type: dropout, keep: 0.8}",
        "model.layers.last={type: dense, units: 4}",
        "averaging={decay: 0.5}",
        "evaluation={every_updates: 4}",
    ],
    "hessian_free": ["optimizer={type: hessian_free, curvature_examples: 50}", "batches={size: 150, chunk: 40}"],
    "levenberg_marquardt": [
        "optimizer={type: levenberg_marquardt}",
        "batches={size: 200}",
        "loss={type: squared_error}",
        "model.layers.hidden.units=3",
    ],
    "stochastic_diagonal": [
        "optimizer={type: stochastic_diagonal, learning_rate: 0.02, examples: 100}",
        "model.layers.hidden={type: conv, maps: 4, kernel: 3, pool: 2, activation: tanh}",
    ],
}
each_method = pytest.mark.parametrize("name", METHODS)


@pytest.mark.parametrize("updates", [1, 2, 4, 7, 11])
@each_method
def test_run_stopped_after_any_update_has_the_same_bits(toy, command, stop_after, assert_same_result, name, updates):
    overrides = [*METHODS[name], "stopping.max_epochs.epochs=12"]
    assert command("train", toy, *overrides, "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", toy, *overrides, "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


@each_method
def test_run_learns_is_verified_and_evaluated(toy, command, name):
    assert command("train", toy, *METHODS[name], "stopping.max_epochs.epochs=15", "--run-dir", "run", "-q").code == 0
    rows = read_rows(RunDirectory(Path("run")).metrics)
    assert rows[-1]["train.loss"] < 0.7 * rows[0]["train.loss"]
    assert command("verify", "run").code == 0
    assert command("eval", "run").code == 0


@each_method
def test_two_runs_have_the_same_bits(toy, command, assert_same_result, name):
    for run in ("one", "other"):
        assert command("train", toy, *METHODS[name], "--run-dir", run, "-q").code == 0
    assert_same_result("one", "other")


def test_rows_have_the_metrics_of_the_method(toy, command):
    assert command("train", toy, *METHODS["hessian_free"], "--run-dir", "run", "-q").code == 0
    rows = read_rows(RunDirectory(Path("run")).metrics)
    assert {"passes", "gradient.max", "damping", "inner_iterations"} <= rows[0].keys()
    passes = [row["passes"] for row in rows]
    assert all(after - before > 2 for before, after in pairwise([0.0, *passes]))  # two gradients an epoch, and more


def test_passes_of_several_updates_of_a_batch_are_counted_by_the_training_set(toy, command):
    """Three updates of each batch, of one trial each at least, make three passes an epoch."""
    name = "l_bfgs, several updates of distorted batches with dropout"
    assert command("train", toy, *METHODS[name], "--run-dir", "run", "-q").code == 0
    last = read_rows(RunDirectory(Path("run")).metrics)[-1]
    assert last["epoch"] == 6
    assert last["updates"] == 6 * 3 * 3
    assert last["examples"] == 6 * 3 * 300
    assert 6 * 3 <= last["passes"] < 6 * 3 * 20


def test_run_ends_when_it_has_converged(toy, command):
    stopping = "stopping=[{type: max_epochs, epochs: 400}, {type: converged, gradient: 1e-4}]"
    overrides = ["optimizer={type: l_bfgs}", "batches={size: full}", "penalties.l2.strength=0.01", stopping]
    assert command("train", toy, *overrides, "--run-dir", "run", "-q").code == 0
    record = read_record(RunDirectory(Path("run")))
    assert record.reason is not None
    assert record.reason.startswith("converged: the largest derivative is ")
    rows = read_rows(RunDirectory(Path("run")).metrics)
    assert rows[-1]["gradient.max"] <= 1e-4 < rows[-2]["gradient.max"]


def test_run_ends_where_rounding_hides_all_descent(toy, command):
    stopping = "stopping=[{type: max_epochs, epochs: 1000}, {type: converged, gradient: 0.0}]"
    overrides = ["optimizer={type: l_bfgs}", "batches={size: full}", "penalties.l2.strength=0.1", stopping]
    assert command("train", toy, *overrides, "--run-dir", "run", "-q").code == 0
    assert read_record(RunDirectory(Path("run"))).reason == "converged: no step was made before the last 3 evaluations"


def test_run_ends_after_so_many_passes(toy, command):
    overrides = [*METHODS["l_bfgs"], "stopping=[{type: max_passes, passes: 12}]"]
    assert command("train", toy, *overrides, "--run-dir", "run", "-q").code == 0
    rows = read_rows(RunDirectory(Path("run")).metrics)
    assert rows[-1]["passes"] >= 12 > rows[-2]["passes"]


def test_a_start_without_numbers_diverges(toy, command):
    initial = "model.layers.hidden.init={type: constant, value: 1e30}"
    output = "model.layers.output.init={type: constant, value: 1e30}"
    linear = "model.layers.hidden.activation=linear"
    for name in ("l_bfgs", "hessian_free", "levenberg_marquardt"):
        done = command("train", toy, *METHODS[name], initial, output, linear, "--run-dir", f"run-{name}", "-q")
        assert done.code == 6, done.err


def test_chunks_change_nothing_but_rounding(toy, command):
    common = ["optimizer={type: l_bfgs}", "backend.dtype=float64", "stopping.max_epochs.epochs=5"]
    for chunk in ("null", "1", "77", "300", "1000"):
        arguments = ["train", toy, *common, f"batches={{size: full, chunk: {chunk}}}", "--run-dir", f"run-{chunk}"]
        assert command(*arguments, "-q").code == 0
    losses = [
        [row["train.loss"] for row in read_rows(RunDirectory(Path(f"run-{chunk}")).metrics)]
        for chunk in ("null", "1", "77", "300", "1000")
    ]
    for found in losses[1:]:
        np.testing.assert_allclose(found, losses[0], rtol=1e-9)
    assert losses[3] == losses[4] == losses[0]


def test_gradient_descent_passes_batches_in_chunks_too(toy, command):
    for chunk in ("null", "7"):
        batches = f"batches={{size: 32, chunk: {chunk}}}"
        arguments = ["train", toy, batches, "backend.dtype=float64", "--run-dir", f"run-{chunk}", "-q"]
        assert command(*arguments).code == 0
    rows = [json.loads(Path(f"run-{chunk}/metrics.jsonl").read_text().splitlines()[-1]) for chunk in ("null", "7")]
    assert rows[1]["valid.loss"] == pytest.approx(rows[0]["valid.loss"], rel=1e-9)
