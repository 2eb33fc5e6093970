"""Runs of support vector machines: killed and resumed, asked, verified, used as members."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained
from mnistnn.models.fitted.support_vectors.svm import SVM
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows

EXPERIMENT = """\
name: machines
data: {dataset: toy, validation_examples: 60}
model:
  type: svm
  C: 2
  kernel: {type: polynomial, degree: 5, scale: 0.5, unit_norm: true}
  virtual_shifts_px: [1]
evaluation: {every_updates: 1}
"""


@pytest.fixture
def machines(toy: Path) -> Path:
    """The path of an experiment of six machines, with virtual support vectors."""
    path = toy.with_name("machines.yaml")
    path.write_text(EXPERIMENT)
    return path


def tensors(path: str) -> dict[str, bytes]:
    newest = newest_first(Path(path, "checkpoints"))[0]
    return {name: tensor.tobytes() for name, tensor in read(newest).tensors.items()}


def test_run_has_a_round_for_each_pair_of_classes(machines, command):
    assert command("train", machines, "--run-dir", "run", "-q").code == 0
    rows = read_rows(Path("run/metrics.jsonl"))
    assert [row["updates"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[-1]["valid.error"] < 0.1 < rows[0]["valid.error"]
    assert command("verify", "run").code == 0
    found = json.loads(command("eval", "run", "--split", "valid", "--checkpoint", "last", "--json").out)
    assert found["error"] == pytest.approx(rows[-1]["valid.error"])


@pytest.mark.parametrize("rounds", [1, 4])
def test_run_that_is_stopped_and_resumed_ends_with_the_same_bits(machines, start, command, monkeypatch, rounds):
    start(machines, path="reference")
    fit, numbers = SVM._fitted_to_pair, [signal.SIGTERM]

    def stopped(self, *arguments):
        if self.rounds_done == rounds and numbers:
            signal.raise_signal(numbers.pop())
        return fit(self, *arguments)

    monkeypatch.setattr(SVM, "_fitted_to_pair", stopped)
    assert command("train", machines, "--run-dir", "run", "-q").code == 143
    assert 1 <= len(read_rows(Path("run/metrics.jsonl"))) <= rounds + 1
    assert command("resume", "run", "-q").code == 0
    assert tensors("run") == tensors("reference")
    assert Path("run/metrics.jsonl").read_bytes() == Path("reference/metrics.jsonl").read_bytes()


def test_support_vectors_are_images_of_the_training_split(machines, start):
    start(machines, "model.virtual_shifts_px=[]")
    trained = load_trained(RunDirectory(Path("run")), "last")
    model: Any = trained.plan.experiment.model
    of_pair, images = model.supports(5), model.pictures(5)  # 2 against 3
    (x, labels), *_ = trained.batches("train")
    at = of_pair.sources[:, 0]
    inside = at < len(labels)
    assert np.array_equal(images[inside], x[at[inside]])
    assert np.array_equal(of_pair.coefficients[inside] > 0, labels[at[inside]] == 2)


def test_machines_are_members_of_a_committee(machines, command):
    text = "name: both\ndata: {dataset: toy, validation_examples: 60}\nmodel:\n  type: committee\n  combine: vote\n"
    Path("both.yaml").write_text(text + "  members: [{experiment: toy.yaml}, {experiment: machines.yaml}]\n")
    done = command("train", "both.yaml", "--run-dir", "run", "-q")
    assert done.code == 0, done.err
    assert read_rows(Path("run/metrics.jsonl"))[-1]["valid.error"] < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("model.C=0", "model.C"),
        ("model.kernel.type=linear", "valid: gaussian, polynomial"),
        ("model.kernel.gamma=1", "unknown key 'gamma'"),
        ("model.virtual_shifts_px=[8]", "must be below 8, of 8×8 px, got 8"),
        ("preprocess=[{type: whiten, dimensions: 20}]", "virtual_shifts_px shifts images, and inputs are 20"),
    ],
)
def test_mistakes_are_refused_before_a_pixel_is_read(machines, command, change, message):
    done = command("train", machines, change, "--run-dir", "run")
    assert done.code == 2
    assert message in done.err
    assert not Path("run").exists()
