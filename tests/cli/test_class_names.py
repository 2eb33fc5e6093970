"""What the classes of a set are called is shown by whatever shows a class."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mnistnn
from mnistnn.data.datasets import cache
from mnistnn.data.formats.image_set import FILE_NAMES, image_set
from mnistnn.storage.sealed_json import DIGEST, seal_json
from tests.conftest import toy_digits

NAMES = ["ant", "bee", "кот", "T-shirt/top"]


@pytest.fixture
def named(toy, tmp_path, monkeypatch, start):
    """A run on the toy set, with names for its classes."""
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "cache"))
    rng = np.random.default_rng(7)
    images = replace(image_set(toy_digits(360, rng), toy_digits(80, rng), "toy"), class_names=tuple(NAMES))
    with cache.locked("toy"):
        cache.install("toy", images, dict.fromkeys(FILE_NAMES, "made by the tests"))
    start(toy)
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "data show toy",
        "eval run",
        "eval run --per-class",
        "inspect confusion run",
        "inspect errors run --class T-shirt/top",
    ],
)
def test_text_of_a_command_has_names(named, command, line):
    done = command(*line.split())
    assert done.code == 0, done.err
    assert "T-shirt/top" in done.out


@pytest.mark.parametrize("line", ["data show toy", "eval run", "inspect confusion run", "inspect errors run"])
def test_json_of_a_command_has_names_in_the_order_of_labels(named, command, line):
    done = command(*line.split(), "--json")
    assert json.loads(done.out)["class_names"] == NAMES
    assert done.out.isascii()  # whatever stdout can carry


def test_misclassified_digits_are_called_by_names(named, command):
    (line,) = [line for line in command("inspect", "errors", "run", "--count", "1").out.splitlines() if " as " in line]
    assert sum(name in line for name in NAMES) == 2


def test_predicted_class_is_a_name(named, command):
    image = mnistnn.data("toy", "test").images[0]
    np.save("one.npy", image)
    found = json.loads(command("predict", "run", "one.npy", "--json", "--as-is").out)
    assert {each["class"] for each in found["images"][0]["classes"]} == set(NAMES)


def test_report_has_names(named, command):
    assert command("report", "run", "--out", "page.html").code == 0
    assert "T-shirt/top" in Path("page.html").read_text(encoding="utf-8")


def test_report_of_a_run_whose_model_is_lost_has_names(named, command):
    assert command("eval", "run").code == 0
    for file in Path("run/checkpoints").glob("*.safetensors"):
        file.unlink()
    command("report", "run", "--out", "page.html")
    assert "T-shirt/top" in Path("page.html").read_text(encoding="utf-8")


def test_onnx_model_has_names(named, command):
    onnx = pytest.importorskip("onnx")
    assert command("export", "run", "--to", "onnx", "--out", "model.onnx").code == 0
    about = {each.key: each.value for each in onnx.load("model.onnx").metadata_props}
    assert json.loads(about["classes"]) == NAMES


def test_python_programs_are_told_names(named):
    assert mnistnn.load("run").class_names == mnistnn.data("toy").class_names == NAMES


def test_run_keeps_names_where_its_set_is_gone(named, monkeypatch):
    monkeypatch.setenv("MNISTNN_DATA", str(named / "elsewhere"))
    assert mnistnn.load("run").class_names == NAMES


def test_run_of_an_earlier_version_calls_classes_by_numbers(named):
    path = Path("run/environment.json")
    content = json.loads(path.read_text())
    assert content["dataset"].pop("class_names") == NAMES
    path.write_bytes(seal_json({key: value for key, value in content.items() if key != DIGEST}))
    assert mnistnn.load("run").class_names == ["0", "1", "2", "3"]


def test_classes_that_are_made_of_others_are_called_by_their_names(named, start, toy):
    start(toy, "data.labels={positive: [0, 2]}", path="two")
    assert mnistnn.load("two").class_names == ["not ant or кот", "ant or кот"]


def test_generated_set_has_the_names_of_its_source(named, command):
    done = command("data", "generate", "more", "--from", "toy", "--count", "400")
    assert done.code == 0, done.err
    assert mnistnn.data("more").class_names == NAMES


def test_added_set_is_given_names(named, command):
    data = mnistnn.data("toy", "test")
    np.savez("own.npz", x_train=data.images, y_train=data.labels, x_test=data.images, y_test=data.labels)
    assert command("data", "add", "own", "own.npz", "--classes", "a, b,c,d").code == 0
    assert mnistnn.data("own").class_names == ["a", "b", "c", "d"]


def test_too_few_names_are_refused_and_nothing_is_added(named, command):
    data = mnistnn.data("toy", "test")
    np.savez("own.npz", x_train=data.images, y_train=data.labels, x_test=data.images, y_test=data.labels)
    done = command("data", "add", "own", "own.npz", "--classes", "a,b")
    assert (done.code, cache.is_stored("own")) == (3, False)
    assert "--classes: 2 names of classes, but the labels go up to 3" in done.err


def test_train_says_what_follows_from_another_set(named, command, toy):
    toy.write_text(toy.read_text().replace("units: 4", "units: 10"))
    done = command("train", toy, "data.dataset=toy", "--epochs", "1", "--run-dir", "other")
    assert done.code == 0, done.err
    assert "note: model.layers.output.units=4: an output for each of the 4 classes of toy" in done.err
