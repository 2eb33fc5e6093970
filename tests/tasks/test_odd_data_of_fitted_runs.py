"""Every fitted model on data that are odd: refused at the line of the file, or handled as documented."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistnn.data.datasets import cache
from mnistnn.data.formats.image_set import FILE_NAMES, LabelledImages, image_set
from mnistnn.run.metrics import read_rows

SINGLE = ("pairs", "gaussians", "neighbours", "machines", "stumps")
each_model = pytest.mark.parametrize("kind", SINGLE)


def digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images (count, 8, 8) and labels (count,) of four classes, as those of the set `toy`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(4, size=count).astype(np.uint8)
    images = rng.integers(0, 140, size=(count, 8, 8)).astype(np.uint8)
    images[np.arange(count), 2 * labels] += 60
    return images, labels


@pytest.fixture
def odd(voters, tmp_path, monkeypatch) -> Callable[[Callable[[np.ndarray, np.ndarray], None]], None]:
    """Store a set `toy` whose training images and labels are changed by a function."""
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "own-cache"))

    def store(change: Callable[[np.ndarray, np.ndarray], None]) -> None:
        images, labels = digits(360, 1)
        change(images, labels)
        with cache.locked("toy"):
            sets = image_set(LabelledImages(images, labels), LabelledImages(*digits(80, 2)), "toy")
            cache.install("toy", sets, dict.fromkeys(FILE_NAMES, "made by the tests"))

    return store


def trained(command, kind: str, *overrides: str) -> dict[str, Any]:
    """Train, verify and evaluate; return the evaluation."""
    done = command("train", f"{kind}.yaml", *overrides, "--run-dir", "run", "-q")
    assert done.code == 0, done.err
    assert command("verify", "run").code == 0
    found: dict[str, Any] = json.loads(command("eval", "run", "--json").out)
    assert math.isfinite(found["loss"])
    return found


@each_model
def test_class_without_training_examples_is_never_predicted(kind, odd, command):
    def empty_class_2(images, labels):
        labels[labels == 2] = 3

    odd(empty_class_2)
    confusion = np.array(trained(command, kind)["confusion"])
    assert confusion[:, 2].sum() == 0
    assert confusion[[0, 1]].diagonal().sum() > 0.6 * confusion[[0, 1]].sum()


@each_model
def test_one_class_in_the_training_split_is_always_predicted(kind, odd, command):
    odd(lambda images, labels: labels.__setitem__(slice(None), 1))
    confusion = np.array(trained(command, kind)["confusion"])
    assert confusion[:, 1].sum() == confusion.sum()


@each_model
def test_equal_images_of_different_classes_are_learned_as_far_as_they_can_be(kind, odd, command):
    def mirror(images, labels):
        images[100:200], labels[100:200] = images[:100], (labels[:100] + 1) % 4

    odd(mirror)
    assert 0.0 < trained(command, kind)["error"] < 0.75


@each_model
def test_images_that_are_all_alike_are_no_reason_to_fail(kind, odd, command):
    def blank(images, labels):
        images[:] = 7

    odd(blank)
    overrides = ["model.ridge=0.5"] if kind == "gaussians" else []
    assert trained(command, kind, *overrides)["error"] > 0.5


@each_model
def test_two_classes_of_ten_are_enough(kind, voters, command):
    found = trained(command, kind, "data.labels={pair: [1, 3]}")
    assert np.shape(found["confusion"]) == (2, 2)
    assert found["error"] < 0.3


@pytest.mark.parametrize(
    ("kind", "override", "message"),
    [
        ("machines", "model.C=0", "model.C=0: expected a number > 0"),
        ("machines", "model.C=-1", "model.C=-1: expected a number > 0"),
        ("machines", "model.virtual_shifts_px=[8]", "must be below 8"),
        ("neighbours", "model.neighbours=0", "model.neighbours"),
        ("neighbours", "model.preselect=[]", "only euclidean can look at all references"),
        ("neighbours", "preprocess=[{type: standardize}]", "compares ink, from 0 to 1"),
        ("stumps", "preprocess=[{type: shrink, shape: 1}]", "haar"),
        ("stumps", "preprocess=[{type: whiten, dimensions: 20}]", "haar features are of images"),
        ("stumps", "model.sample=0", "model.sample"),
        ("stumps", "model.factors=0", "model.factors"),
        ("gaussians", "model.ridge=-0.1", "model.ridge"),
        ("pairs", "model.ridge=-0.1", "model.ridge"),
        ("pairs", "preprocess=[{type: quadratic}, {type: quadratic}]", "2,144 inputs have"),
    ],
)
def test_mistakes_are_refused_at_their_place_and_nothing_is_made(kind, override, message, voters, command):
    done = command("train", f"{kind}.yaml", override, "--run-dir", "run")
    assert done.code == 2, done.err
    assert message in done.err
    assert not Path("run").exists()


def test_more_neighbours_than_references_are_refused_at_the_line(voters, command):
    text = "name: many\ndata: {dataset: toy, validation_examples: 60}\nmodel:\n  type: knn\n  neighbours: 301\n"
    Path("many.yaml").write_text(text)
    done = command("train", "many.yaml", "--run-dir", "run")
    assert done.code == 2
    assert "many.yaml:5:" in done.err
    assert "there are 300 references, and 301 neighbours are to vote" in done.err
    assert not Path("run").exists()
    assert command("train", "many.yaml", "model.neighbours=300", "--run-dir", "run", "-q").code == 0


def test_neighbours_need_the_set_that_they_were_fitted_to(fitted_run, command, monkeypatch, tmp_path):
    """To be asked; to be looked at and verified they do not."""
    fitted_run("neighbours")
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "empty"))
    for command_line in (("show", "run"), ("tail", "run"), ("verify", "run"), ("inspect", "summary", "run")):
        assert command(*command_line).code == 0, command_line
    np.save("a.npy", np.zeros((8, 8), np.uint8))
    for command_line in (("eval", "run"), ("predict", "run", "a.npy"), ("inspect", "neighbours", "run")):
        done = command(*command_line)
        assert done.code == 3, (command_line, done.err)
        assert "toy" in done.err


def test_neighbours_are_not_asked_of_another_set_of_that_name(fitted_run, odd, command):
    fitted_run("neighbours")
    odd(lambda images, labels: None)
    done = command("eval", "run")
    assert done.code == 3
    assert "the data set is not the one that this run was trained on" in done.err


@pytest.mark.parametrize("to", ["npz", "safetensors"])
def test_neighbours_have_nothing_for_other_programs(fitted_run, command, to):
    fitted_run("neighbours")
    done = command("export", "run", "--to", to, "--out", f"out.{to}")
    assert done.code == 2
    assert "knn" in done.err
    assert not Path(f"out.{to}").exists()


def test_boosting_is_ended_by_policies_and_its_best_round_is_used(voters, command):
    done = command(
        "train", "stumps.yaml", "model.max_rounds=100", "stopping=[{type: max_epochs, epochs: 17}]",
        "evaluation.every_updates=5", "--run-dir", "run", "-q",
    )  # fmt: skip
    assert done.code == 0, done.err
    rows = read_rows(Path("run/metrics.jsonl"))
    assert [row["updates"] for row in rows] == [5, 10, 15, 17]
    best = min(rows, key=lambda row: row["valid.error"])
    found = json.loads(command("eval", "run", "--split", "valid", "--json").out)
    assert (found["epoch"], found["error"]) == (best["updates"], best["valid.error"])


SELDOM = {"stumps": [10, 12], "machines": [6]}
"""After which rounds a run is measured that does not say."""


@pytest.mark.parametrize("kind", SELDOM)
@pytest.mark.parametrize("overrides", [[], ["checkpoint.keep_last=4"], ["checkpoint.keep_every_epochs=3"]])
def test_run_that_is_measured_seldom_is_whole_and_can_go_on_and_be_refitted(kind, overrides, voters, command):
    done = command("train", f"{kind}.yaml", "evaluation.every_updates=null", *overrides, "--run-dir", "run", "-q")
    assert done.code == 0, done.err
    assert [row["updates"] for row in read_rows(Path("run/metrics.jsonl"))] == SELDOM[kind]
    out = command("verify", "run").out
    assert not [line for line in out.splitlines()[1:] if not line.startswith("ok ")], out
    if overrides == ["checkpoint.keep_every_epochs=3"]:
        kept = {int(path.stem[5:]) for path in Path("run/checkpoints").glob("step-*")}
        assert set(range(3, SELDOM[kind][-1] + 1, 3)) <= kept
    assert command("resume", "run", "-q").code == 0
    assert command("verify", "run").code == 0
    assert command("refit", "run", "-q").code == 0


def test_row_that_is_missing_between_rounds_is_found(voters, command):
    done = command("train", "stumps.yaml", "evaluation.every_updates=3", "--run-dir", "run", "-q")
    assert done.code == 0, done.err
    path = Path("run/metrics.jsonl")
    first, _, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([first, *rest]))
    done = command("verify", "run")
    assert done.code == 9
    assert "the row of epoch 6 is missing" in done.out


@pytest.mark.parametrize(
    ("policy", "metric"),
    [
        ("{type: converged}", "gradient"),
        ("{type: max_passes, passes: 3}", "passes"),
        ("{type: significance_patience}", "valid."),
        ("{type: target, monitor: train.loss, value: 0.1}", "train.loss"),
    ],
)
def test_policies_about_what_is_not_measured_are_refused_at_their_line(policy, metric, voters, command):
    done = command("train", "stumps.yaml", f"stopping=[{policy}]", "--run-dir", "run")
    assert done.code == 2, done.err
    assert "stopping" in done.err
    assert f"reads {metric}" in done.err
    assert "which is not measured of a model of type boosted_stumps" in done.err
    assert "there are valid.balanced_error, valid.error, valid.loss" in done.err
    assert not Path("run").exists()


def test_epochs_limit_a_model_that_could_go_on_and_no_other(voters, command):
    assert command("train", "stumps.yaml", "--epochs", "7", "--run-dir", "run", "-q").code == 0
    assert read_rows(Path("run/metrics.jsonl"))[-1]["updates"] == 7
    done = command("train", "machines.yaml", "--epochs", "7", "--run-dir", "other")
    assert done.code == 2
    assert "a model of type svm ends with its last round, so nothing is to end it before" in done.err
