"""`mnistnn eval --on`: another data set, kept apart from the run's own."""

import json
import shutil

import numpy as np
import pytest

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.stored_set import read_stored
from mnistnn.data.formats.image_set import FILE_NAMES, LabelledImages, image_set
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.sealed_json import seal_json


@pytest.fixture
def run(toy, toy_cache, tmp_path, start, monkeypatch) -> RunDirectory:
    """A run on the toy digits, in a cache of its own with other sets beside."""
    shutil.copytree(toy_cache, tmp_path / "data")
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "data"))
    found: RunDirectory = start(toy).run
    return found


def store(name: str, change) -> None:
    """Store what a change makes of the toy set."""
    with cache.locked(name):
        cache.install(name, change(read_stored("toy")), dict.fromkeys(FILE_NAMES, "a test"))


def only_tests(n: int):
    return lambda toy: image_set(toy.train, LabelledImages(toy.test.images[:n], toy.test.labels[:n]), "x")


def inverted(toy):
    return image_set(toy.train, LabelledImages(255 - toy.test.images, toy.test.labels), "x")


def halved(toy):
    train, test = (LabelledImages(each.images, each.labels % 2) for each in (toy.train, toy.test))
    return image_set(train, test, "x")


def measured(command, *arguments):
    done = command("eval", "run", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_copy_of_the_own_set_is_measured_as_that(run, command):
    store("copy", lambda toy: toy)
    own, other = measured(command), measured(command, "--on", "copy")
    assert other.pop("dataset") == "copy"
    assert other == own


def test_other_images_are_measured(run, command):
    store("inverted", inverted)
    own, other = measured(command), measured(command, "--on", "inverted")
    assert other["error"] > own["error"] + 0.2
    assert np.sum(other["confusion"]) == other["examples"] == 80


def test_readings_are_counted_for_each_set_apart(run, command):
    store("few", only_tests(30))
    store("copy", lambda toy: toy)
    assert [measured(command, "--on", "few")["test_readings"] for _ in range(2)] == [1, 2]
    assert measured(command, "--on", "copy")["test_readings"] == 1
    assert measured(command, "--on", "copy", "--split", "valid")["test_readings"] == 1
    assert measured(command)["test_readings"] == 1
    assert len((run.evaluations_on("few") / "test-readings.jsonl").read_text().splitlines()) == 2
    assert "the test split of few has been read 3 times for this run" in command("eval", "run", "--on", "few").out


def test_result_is_kept_apart_from_those_on_the_own_set(run, command):
    store("few", only_tests(30))
    found = measured(command, "--on", "few")
    assert not list(run.evaluations.glob("*.json"))
    path = run.evaluations_on("few") / "test-best.json"
    assert path.read_bytes() == seal_json(found)
    assert "never" in command("show", "run").out  # the own test split
    assert command("verify", "run").code == 0


def test_text_says_the_set_and_holds_no_claim(run, command):
    store("few", only_tests(30))
    first, second, *rest = command("eval", "run", "--on", "few").out.splitlines()
    assert first == "run, test split of few, checkpoint best (epoch 6)"
    assert "of 30;" in second
    assert not any("claim" in line for line in rest)
    refused = command("eval", "run", "--on", "few", "--expect")
    assert (refused.code, refused.err) == (
        2,
        "error: --expect is about the run's own data set; leave it out with --on\n",
    )


def test_several_runs_are_said_together(toy, run, start, command):
    start(toy, "seed=5", path="second")
    store("few", only_tests(30))
    first, second, third = command("eval", "run", "second", "--on", "few").out.splitlines()
    assert first.startswith("run: test error")
    assert second.endswith(" on 30 of few")
    assert "test error of 2 runs on few: " in third


def test_limits_of_the_run_are_not_those_of_the_other_set(toy, run, start, command):
    start(toy, "data.limits.test=10", path="limited")
    store("few", only_tests(30))
    done = command("eval", "limited", "--on", "few", "--json")
    assert json.loads(done.out)["examples"] == 30


def test_two_classes_are_made_of_the_other_set_as_well(toy, run, start, command):
    start(toy, "data.labels={positive: [0]}", "model.layers.output.units=2", path="zeros")
    store("copy", lambda toy: toy)
    own, other = (json.loads(command("eval", "zeros", "--json", *on).out) for on in ([], ["--on", "copy"]))
    assert other["confusion"] == own["confusion"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda toy: image_set(
                LabelledImages(toy.train.images[:, 1:], toy.train.labels),
                LabelledImages(toy.test.images[:, 1:], toy.test.labels),
                "x",
            ),
            "other has images of 7x8 pixels, and the model reads 8x8",
        ),
        (
            halved,
            "other has the classes 0, 1, and the model knows 0, 1, 2, 3",
        ),
    ],
    ids=["size", "classes"],
)
def test_set_of_another_kind_is_refused_before_anything_is_counted(run, command, change, message):
    store("other", change)
    done = command("eval", "run", "--on", "other")
    assert (done.code, done.err) == (2, f"error: {message}\n")
    assert not (run.evaluations / "on").exists()


def test_own_and_unknown_sets_are_refused(run, command):
    own = command("eval", "run", "--on", "toy")
    assert own.code == 2
    assert "is what the run was trained on" in own.err
    unknown = command("eval", "run", "--on", "nowhere")
    assert unknown.code == 2
    assert "unknown data set 'nowhere'" in unknown.err


def test_model_that_is_no_classifier_is_refused(run, command, tmp_path):
    (tmp_path / "machine.yaml").write_text(
        "name: machine\ndata: {dataset: toy, validation_examples: 60}\nmodel: {type: rbm, hidden: 3}\n"
        "loss: {type: contrastive_divergence, particles: 60}\nbatches: {size: 60}\n"
        "optimizer: {type: sgd, learning_rate: 0.1}\n"
        "stopping: [{type: max_epochs, epochs: 1}]\ncheckpoint: {monitor: last}\n"
    )
    trained = command("train", "machine.yaml", "--run-dir", "machine")
    assert trained.code == 0, trained.err
    store("copy", lambda toy: toy)
    done = command("eval", "machine", "--on", "copy")
    assert (done.code, done.err) == (2, "error: machine: only classifiers are measured on another data set (--on)\n")


@pytest.mark.parametrize("fixture", ["committee", "pairs"])
def test_fitted_model_keeps_its_references(request, run, start, command, fixture):
    start(request.getfixturevalue(fixture), path="fitted")
    store("copy", lambda toy: toy)
    own, other = (json.loads(command("eval", "fitted", "--json", *on).out) for on in ([], ["--on", "copy"]))
    assert other["confusion"] == own["confusion"]
