"""Whole runs of Hebbian learning: a unit that comes to the first principal component, and what it cannot do."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory

UNIT = """\
name: unit
data: {dataset: toy, validation_examples: 60}
model: {type: sequential, layers: {unit: {type: dense, units: 1, max_norm: 1}}}
loss: {type: hebbian}
batches: {size: 30}
optimizer: {type: sgd, learning_rate: {type: linear, start: 0.1, end: 0.001, epochs: 40}}
stopping: [{type: max_epochs, epochs: 40}]
checkpoint: {monitor: valid.loss}
"""


@pytest.fixture
def unit(toy) -> str:
    Path("unit.yaml").write_text(UNIT)
    return "unit.yaml"


def test_unit_comes_to_the_first_principal_component(unit, command):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 4)) * [3, 1.5, 1, 0.5] @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 5.0
    lines = [",".join([*map(repr, row), "ab"[number % 2]]) for number, row in enumerate(rows.tolist())]
    Path("rows.csv").write_text("w,x,y,z,kind\n" + "\n".join(lines) + "\n")
    table = "data={table: {path: rows.csv, label: kind, standardize: false}}"
    assert command("train", unit, table, "--run-dir", "run", "-q").code == 0
    plan = load_trained(RunDirectory(Path("run"))).plan
    x = rows[: plan.examples["train"]]
    variances, directions = np.linalg.eigh(np.cov(x.T, bias=True))
    w = np.asarray(plan.task.network.theta[:4], "float64")
    assert np.linalg.norm(w) == pytest.approx(1.0, rel=1e-3)
    assert abs(w @ directions[:, -1]) > 0.99
    found = json.loads(command("eval", "run", "--split", "train", "--json").out)
    assert found["variance"] == pytest.approx((x @ w).var(), rel=1e-4)
    assert 0.98 * variances[-1] < found["variance"] < 1.001 * variances[-1]
    assert found["of_inputs"] == pytest.approx(variances.sum(), rel=1e-5)
    assert found["loss"] == pytest.approx(-0.5 * found["variance"], rel=1e-12)


def test_run_stopped_after_an_update_has_the_same_bits(unit, command, stop_after, assert_same_result):
    assert command("train", unit, "--epochs", "3", "--run-dir", "reference", "-q").code == 0
    stop_after(7)
    assert command("train", unit, "--epochs", "3", "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


def test_run_is_measured_shown_verified_and_drawn(unit, command):
    assert command("train", unit, "--epochs", "2", "--run-dir", "run", "-q").code == 0
    assert "variance of the outputs" in command("eval", "run").out
    assert "test variance" in command("show", "run").out
    for arguments in (("verify", "run"), ("inspect", "filters", "run"), ("inspect", "gradcheck", unit)):
        done = command(*arguments)
        assert done.code == 0, (arguments, done.err)


def test_expected_variance_is_held_against_the_run(unit, command):
    for name, band, code in (("good", "[0, 1000]", 0), ("bad", "[1000, 2000]", 9)):
        override = f"expect.test_variance={band}"
        assert command("train", unit, override, "--epochs", "1", "--run-dir", name, "-q").code == 0
        assert command("eval", name, "--expect").code == code


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["checkpoint.monitor=valid.error"], "Hebbian learning classifies nothing, so there is no valid.error"),
        (["evaluation.train_error=true"], "Hebbian learning classifies nothing"),
        (["batches.chunk=10"], "a batch is judged as a whole"),
        (["data.sequences={type: adding}"], "hebbian is for images and rows of a table, and these are sequences"),
        (["optimizer={type: hessian_free}", "model.layers.unit.max_norm=null"], "which hebbian does not give"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_written(unit, command, overrides, said):
    done = command("train", unit, *overrides, "--run-dir", "run")
    assert done.code == 2
    assert said in done.err
    assert not Path("run").exists()


@pytest.mark.parametrize("arguments", [("inspect", "errors", "run"), ("export", "run", "--to", "onnx")])
def test_what_needs_classes_is_refused(unit, command, arguments):
    assert command("train", unit, "--epochs", "1", "--run-dir", "run", "-q").code == 0
    done = command(*arguments)
    assert done.code == 2
    assert "learns without labels" in done.err
