"""`inspect neighbours`: what a classifier of nearest neighbours decided by."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained


@pytest.fixture
def run(fitted_run):
    return fitted_run("neighbours")


def shown(command, *options):
    done = command("inspect", "neighbours", "run", *options)
    assert (done.code, done.err) == (0, ""), done.err
    return done.out


def test_neighbours_are_those_of_the_model_with_their_classes_and_distances(run, command):
    found = json.loads(shown(command, "--examples", "0..9", "--json"))["decisions"]
    trained = load_trained(run)
    model, labels = trained.task.nearest_neighbours, trained.plan.place("train").labels
    x, true = trained.first("valid", 10)
    with trained.computing():
        expected, predicted = model.neighbours_of(x), trained.task.scores(x).argmax(axis=1)
    assert [each["place"] for each in found] == [*range(10)]
    assert [each["true"] for each in found] == true.tolist()
    assert [each["predicted"] for each in found] == predicted.tolist()
    assert [each["by"] for each in found] == [("euclidean", "idm")[stage] for stage in expected.stages]
    assert len({each["by"] for each in found}) == 2
    for row, each in enumerate(found):
        assert [n["place"] for n in each["neighbours"]] == expected.indices[row].tolist()
        assert [n["class"] for n in each["neighbours"]] == labels[expected.indices[row]].tolist()
        assert [n["distance"] for n in each["neighbours"]] == expected.distances[row].tolist()


def test_line_says_all_of_a_decision(run, command):
    title, line = shown(command, "--examples", "4..4").splitlines()
    (found,) = json.loads(shown(command, "--examples", "4..4", "--json"))["decisions"]
    assert title.startswith("run, valid split, checkpoint best (epoch 1)") or ", valid split, " in title
    assert line.startswith(f"4: {found['true']} as {found['predicted']}, by {found['by']}: ")
    for each in found["neighbours"]:
        assert f"{each['class']} ({each['place']:,}, distance {each['distance']:.6g})" in line


def test_first_misclassified_ones_are_found(run, command):
    found = json.loads(shown(command, "--misclassified", "--count", "3", "--json"))["decisions"]
    errors = json.loads(command("inspect", "errors", "run", "--by", "order", "--json").out)["misread"]
    assert [(each["place"], each["predicted"]) for each in found] == [
        (each["place"], each["read"]) for each in errors[:3]
    ]


def test_first_examples_are_shown_if_none_are_named(run, command):
    assert [line.split(":")[0] for line in shown(command, "--count", "3").splitlines()[1:]] == ["0", "1", "2"]


@pytest.mark.parametrize("name", ["a.png", "a.pdf", "a.svg"])
def test_figure_is_drawn_the_same_each_time(run, command, name):
    for file in (name, f"again-{name}"):
        assert command("inspect", "neighbours", "run", "--count", "2", "--out", file, "-q").code == 0
    assert Path(name).read_bytes() == Path(f"again-{name}").read_bytes()


def test_figure_has_arrows_only_where_something_was_bent(run, command, monkeypatch):
    from mnistnn.analysis.inspection import neighbours_figure

    drawn = []
    monkeypatch.setattr(neighbours_figure, "_add_arrows", lambda _, image, ways: drawn.append((image.shape, ways)))
    assert command("inspect", "neighbours", "run", "--examples", "0..9", "--out", "a.png", "-q").code == 0
    found = json.loads(shown(command, "--examples", "0..9", "--json"))["decisions"]
    assert [shape for shape, _ in drawn] == [(8, 8)] * 30
    for (_, ways), each in zip(drawn, [each for each in found for _ in range(3)], strict=True):
        assert ways.shape == (8, 8, 2)
        assert np.abs(ways).max() <= (0 if each["by"] == "euclidean" else 1)


def test_reading_of_the_test_split_is_counted(run, command):
    assert "test split has been read" in shown(command, "--split", "test", "--count", "1")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--examples", "60..60"], "the valid split has the examples 0 to 59, but not 60"),
        (["--examples", "1,2", "--misclassified"], "does not go with --misclassified"),
        (["--out", "a.gif"], "ends in one of"),
    ],
)
def test_mistakes_are_refused(run, command, options, message):
    done = command("inspect", "neighbours", "run", *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
