"""Whole runs on rows of a CSV file: numbers and classes that are predicted from columns."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows

NUMBERS = """\
name: numbers
data: {table: {path: rows.csv, columns: [a, b], predict: [y], valid: 0.2, test: 0.2}}
model: {type: sequential, layers: {output: {type: dense, units: 1, init: {type: zeros}}}}
loss: {type: mean_squared_error}
batches: {size: 10}
optimizer: {type: sgd, learning_rate: 0.02}
stopping: [{type: max_epochs, epochs: 40}]
checkpoint: {monitor: valid.loss}
"""
CLASSES = """\
name: classes
data: {table: {path: rows.csv, columns: [a, b], label: kind, valid: 0.2, test: 0.2}}
model: {type: sequential, layers: {output: {type: dense, units: 2, init: {type: zeros}}}}
loss: {type: softmax_nll}
batches: {size: 10, order: stratified}
optimizer: {type: sgd, learning_rate: 0.2}
stopping: [{type: max_epochs, epochs: 10}]
"""
EXPERIMENTS = {"numbers": NUMBERS, "classes": CLASSES}
each_kind = pytest.mark.parametrize("kind", EXPERIMENTS)


def true_rows():
    """Return two columns of numbers (100, 2), and y = 2 a − b + noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 2))
    return x, x @ [2.0, -1.0] + 0.1 * rng.normal(size=100)


@pytest.fixture
def experiments(toy) -> None:
    """An experiment of each kind in the working folder, and the file that they read."""
    lines = ["a,b,y,kind"]
    lines += [
        f"{a!r},{b!r},{y!r},{'up' if y > 0 else 'down'}"
        for (a, b), y in zip(*map(np.ndarray.tolist, true_rows()), strict=True)
    ]
    Path("rows.csv").write_text("\n".join(lines) + "\n")
    for kind, text in EXPERIMENTS.items():
        Path(f"{kind}.yaml").write_text(text)


@each_kind
def test_run_stopped_after_any_update_has_the_same_bits(experiments, command, stop_after, assert_same_result, kind):
    assert command("train", f"{kind}.yaml", "--run-dir", "reference", "-q").code == 0
    stop_after(9)
    assert command("train", f"{kind}.yaml", "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


@each_kind
def test_run_learns_and_is_verified_shown_and_measured(experiments, command, kind):
    assert command("train", f"{kind}.yaml", "--run-dir", "run", "-q").code == 0
    rows = read_rows(RunDirectory(Path("run")).metrics)
    assert rows[-1]["train.loss"] < 0.5 * rows[0]["train.loss"]
    for verb in ("eval", "show", "verify"):
        done = command(verb, "run")
        assert done.code == 0, (verb, done.err)
    assert command("inspect", "summary", f"{kind}.yaml").code == 0
    assert command("train", f"{kind}.yaml", "--dry-run").code == 0


def test_regression_comes_to_least_squares(experiments, command):
    assert command("train", "numbers.yaml", "--run-dir", "run", "-q").code == 0
    done = command("eval", "run")
    assert "20 numbers of 20 rows of a table" in done.out
    x, y = true_rows()
    x, y = ((v - v[:60].mean(axis=0)) / v[:60].std(axis=0) for v in (x, y))
    x = np.c_[x, np.ones(100)]
    w = np.linalg.lstsq(x[:60], y[:60], rcond=None)[0]
    exact = ((x[80:] @ w - y[80:]) ** 2).mean()
    assert json.loads(command("eval", "run", "--json").out)["loss"] == pytest.approx(exact, rel=0.2)


def test_classes_are_counted(experiments, command):
    assert command("train", "classes.yaml", "--run-dir", "run", "-q").code == 0
    found = json.loads(command("eval", "run", "--json").out)
    placed = load_trained(RunDirectory(Path("run"))).plan.place("test")
    _, y = true_rows()
    assert placed.labels.tolist() == (y[80:] > 0).astype(int).tolist()
    assert found["examples"] == 20
    assert found["error"] <= 0.15


def test_file_is_part_of_the_provenance_and_another_one_is_refused(experiments, command):
    assert command("train", "classes.yaml", "--run-dir", "run", "-q").code == 0
    assert "rows.csv" in Path("run/environment.json").read_text()
    Path("rows.csv").write_text(Path("rows.csv").read_text() + "0,0,0,up\n")
    done = command("eval", "run")
    assert done.code == 3
    assert "not the one that this run was trained on: rows.csv differs" in done.err


@each_kind
def test_gradient_is_checked(experiments, command, kind):
    assert command("inspect", "gradcheck", f"{kind}.yaml").code == 0


@pytest.mark.parametrize(
    ("kind", "overrides", "said"),
    [
        ("numbers", ["loss={type: softmax_nll}"], "softmax_nll is for classes, and these data have numbers"),
        ("classes", ["loss={type: mean_squared_error}"], "is for numbers, and these data have classes"),
        ("numbers", ["batches.order=stratified"], "needs a class for each example"),
        ("numbers", ["model.layers.output.units=2"], "needs an output for each number: 1, but this layer gives 2"),
        ("classes", ["augment={shift_px: 1}"], "distorts images, and these are rows of a table"),
        ("classes", ["data.table.path=row.csv"], "no such file: row.csv; did you mean 'rows.csv'"),
        ("classes", ["data.table.label=knd"], "has no column 'knd'; did you mean 'kind'"),
        ("classes", ["data.table.columns=[a, y, kind]"], "'kind' is no input"),
        (
            "classes",
            ["model={type: autoencoder, hidden: 3}", "loss={type: reconstruction}", "checkpoint.monitor=valid.loss"],
            "learns from images, and these are rows of a table",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_written(experiments, command, kind, overrides, said):
    done = command("train", f"{kind}.yaml", *overrides, "--run-dir", "run")
    assert done.code in (2, 3), done.err
    assert said in done.err
    assert not Path("run").exists()


def test_fitted_models_want_images(experiments, command):
    Path("fitted.yaml").write_text("name: fitted\ndata: {table: {path: rows.csv, label: kind}}\nmodel: {type: svm}\n")
    done = command("train", "fitted.yaml", "--run-dir", "run")
    assert done.code == 2
    assert "classifies images, and these are rows of a table" in done.err


@pytest.mark.parametrize("arguments", [("inspect", "errors", "run"), ("export", "run", "--to", "onnx")])
def test_what_needs_images_is_refused(experiments, command, arguments):
    assert command("train", "classes.yaml", "--run-dir", "run", "-q").code == 0
    done = command(*arguments)
    assert done.code == 2
    assert "reads rows of a table, and no images" in done.err
