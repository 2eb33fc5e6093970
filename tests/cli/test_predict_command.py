"""`mnistnn predict`."""

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def run(toy, start):
    start(toy, "stopping.max_epochs.epochs=1")
    np.save("a.npy", 1 - np.pad(np.ones((40, 30)), 10))
    np.save("blank.npy", np.ones((30, 30)))
    return "run"


def test_what_was_done_and_seen_and_read_is_shown(run, command):
    done = command("predict", run, "a.npy", "--top", 2)
    assert (done.code, done.err) == (0, "")
    title, *drawing = done.out.splitlines()
    assert title == "a.npy: 50×60 px, dark on light, inverted; ink 30×40 px, fitted to 6×8"
    assert any("█" in line for line in drawing[:4])
    assert [line.endswith(" %") for line in drawing[4:]] == [True, True]


def test_several_pictures_are_read_and_the_failures_named(run, command):
    done = command("predict", run, "blank.npy", "a.npy", "gone.png", "-q")
    assert done.code == 3
    assert len(done.out.splitlines()) == 4
    assert [line.split(": ")[1] for line in done.err.splitlines()] == ["blank.npy", "gone.png"]


def test_json_has_all_classes_and_every_problem(run, command):
    done = command("predict", run, "a.npy", "blank.npy", "--json")
    found = json.loads(done.out)
    assert (done.code, found["schema_version"]) == (3, 1)
    good, bad = found["images"]
    assert np.shape(good["seen"]) == (8, 8)
    assert (good["path"], good["inverted"], good["problem"]) == ("a.npy", True, None)
    assert sorted(each["class"] for each in good["classes"]) == ["0", "1", "2", "3"]
    assert sum(each["probability"] for each in good["classes"]) == pytest.approx(1)
    assert bad["classes"] is None
    assert bad["problem"].startswith("blank.npy: no ink")


def test_scores_that_are_no_probabilities_are_not_called_so(toy, start, command):
    start(toy, "loss.type=squared_error", "stopping.max_epochs.epochs=1")
    np.save("a.npy", np.pad(np.ones((4, 2)), 2))
    done = command("predict", "run", "a.npy")
    assert "%" not in done.out
    assert "not probabilities" in done.out
    assert "score" in json.loads(command("predict", "run", "a.npy", "--json").out)["images"][0]["classes"][0]


def test_two_classes_are_called_by_their_labels(toy, start, command):
    start(
        toy,
        "data.labels={positive: [2]}",
        "loss={type: binary_nll}",
        "model.layers.output.units=1",
        "stopping.max_epochs.epochs=1",
    )
    np.save("a.npy", np.pad(np.ones((4, 2)), 2))
    found = json.loads(command("predict", "run", "a.npy", "--json").out)["images"][0]["classes"]
    assert {each["class"] for each in found} == {"2", "not 2"}


def test_what_the_model_saw_is_written(run, command):
    image = pytest.importorskip("PIL.Image")
    done = command("predict", run, "a.npy", "a.npy", "--out", "o.png")
    assert (done.code, done.err) == (0, "wrote o.png\n")
    with image.open("o.png") as sheet:
        assert sheet.size == (2 * 10 + 2, 12)
    assert (
        command("predict", run, "a.npy", "--out", "o.png").err == "error: o.png: there already; --force replaces it\n"
    )
    assert command("predict", run, "a.npy", "--out", "o.png", "--force").code == 0


def test_nothing_is_written_if_nothing_was_read(run, command):
    assert command("predict", run, "blank.npy", "--out", "o.png").code == 3
    assert not Path("o.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "IMAGE"),
        (["a.npy", "--as-is"], 3, "a.npy: is 60×50 pixels; as it is, the model takes 8×8"),
        (["a.npy", "--as-is", "--invert", "no"], 2, "--as-is changes nothing"),
        (["a.npy", "--checkpoint", "gone"], 4, "'gone' is neither best, last"),
        (["gone\x1b[2J.png"], 3, "gone\\x1b[2J.png: cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(run, command, arguments, code, message):
    done = command("predict", run, *arguments)
    assert (done.code, message in done.err) == (code, True)
