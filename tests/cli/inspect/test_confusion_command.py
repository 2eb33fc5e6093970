"""`mnistnn inspect confusion`."""

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def run(toy, start):
    return start(toy, "stopping.max_epochs.epochs=2").run


def shown(command, *arguments):
    done = command("inspect", "confusion", "run", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


@pytest.mark.parametrize("arguments", [[], ["--split", "train"], ["--checkpoint", "last"]])
def test_metrics_are_those_of_eval(run, command, arguments):
    split = [] if "--split" in arguments else ["--split", "valid"]
    evaluated = json.loads(command("eval", "run", "--json", *split, *arguments).out)
    found = shown(command, *arguments)
    assert set(found) <= set(evaluated)
    assert found == {key: evaluated[key] for key in found}


def test_matrix_is_printed_as_eval_prints_it(run, command):
    lines = command("eval", "run", "--split", "valid").out.splitlines()
    found = command("inspect", "confusion", "run").out.splitlines()
    start = lines.index("")
    assert found[2:] == lines[start:]
    assert found[0] == "run, valid split, checkpoint best (epoch 2)"
    assert found[1].startswith("error ")


@pytest.mark.parametrize(("whole", "axis", "what"), [("true", 1, "row"), ("read", 0, "column")])
def test_shares_can_be_shown(run, command, whole, axis, what):
    found = shown(command, "--normalize", whole)
    matrix, parts = np.array(found["confusion"]), np.array(found["shares"])
    assert found["normalize"] == whole
    np.testing.assert_allclose(parts * np.maximum(matrix.sum(axis=axis, keepdims=True), 1), matrix)
    text = command("inspect", "confusion", "run", "--normalize", whole).out
    assert f"\nin % of each {what}\n" in text


@pytest.mark.parametrize(("name", "begins"), [("c.png", b"\x89PNG"), ("c.pdf", b"%PDF"), ("c.svg", b"<?xml")])
def test_figure_is_written(run, command, name, begins):
    pytest.importorskip("matplotlib")
    done = command("inspect", "confusion", "run", "--out", name)
    assert (done.code, done.err) == (0, f"wrote {name}\n")
    assert Path(name).read_bytes().startswith(begins)
    assert command("inspect", "confusion", "run", "--out", name).code == 2
    assert command("inspect", "confusion", "run", "--out", name, "--force").code == 0


def test_reading_of_the_test_split_is_counted_and_said(run, command):
    assert shown(command, "--split", "test")["test_readings"] == 1
    assert command("inspect", "confusion", "run", "--split", "test").out.endswith("read 2 times for this run\n")


def test_nothing_in_the_run_changes(run, command, everything_below):
    before = everything_below(run.path)
    shown(command)
    assert everything_below(run.path) == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--out", "c.jpg", "--split", "test"], 2, "c.jpg: the name of a figure ends in .png, .pdf, .svg"),
        (["--out", "no/folder.png"], 5, "no/folder.png"),
        (["--normalize", "all"], 2, "--normalize"),
        (["--checkpoint", "gone"], 4, "'gone' is neither best, last nor the path"),
    ],
)
def test_what_cannot_be_shown_is_said(run, command, arguments, code, message):
    done = command("inspect", "confusion", "run", *arguments)
    assert (done.code, message in done.err) == (code, True)
    assert not list(run.evaluations.iterdir())
