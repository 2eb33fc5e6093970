"""`mnistnn inspect errors`."""

import json
from math import e
from pathlib import Path

import numpy as np
import pytest

from mnistnn.data.spec import Data
from mnistnn.data.splits import read_split
from mnistnn.run import checkpoint as checkpoints

TOY = Data(dataset="toy", validation_examples=60)


def stored(run, values):
    """Put values into the newest checkpoint of a run, as its best and its last."""
    path, saved, _ = checkpoints.read_newest(run.checkpoints)
    tensors = {**saved.tensors, "best": values.astype(np.float32), "theta": values.astype(np.float32)}
    path.write_bytes(checkpoints.encode(checkpoints.Checkpoint(tensors, saved.state)))


@pytest.fixture
def run(toy, start):
    """A run whose model reads every image as a 2, with probability e/(e + 3)."""
    found = start(toy, "stopping.max_epochs.epochs=1").run
    values = np.zeros(832)
    values[-2] = 1.0  # the bias of class 2
    stored(found, values)
    return found


def shown(command, *arguments):
    done = command("inspect", "errors", "run", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_json_has_all_that_are_misclassified(run, command, split):
    found = shown(command, "--split", split)
    labels = read_split(TOY, split).labels
    wrong = np.flatnonzero(labels != 2)
    assert (found["schema_version"], found["run"], found["split"], found["checkpoint"]) == (1, "run", split, "best")
    assert (found["examples"], found["errors"], found["by"], found["class"]) == (
        len(labels),
        len(wrong),
        "confidence",
        None,
    )
    assert [each["place"] for each in found["misread"]] == wrong.tolist()  # equally sure, so in order
    first = found["misread"][0]
    assert (first["true"], first["read"]) == (labels[wrong[0]], 2)
    assert first["probability"] == pytest.approx(e / (e + 3), rel=1e-6)
    assert first["probability_true"] == pytest.approx(1 / (e + 3), rel=1e-6)


def test_count_order_and_class_choose(run, command):
    found = shown(command, "--count", "3", "--by", "order", "--class", "1")
    wrong = np.flatnonzero(read_split(TOY, "valid").labels == 1)
    assert (found["by"], found["class"]) == ("order", 1)
    assert [each["place"] for each in found["misread"]] == wrong[:3].tolist()


def test_pictures_fill_the_terminal(run, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "64")  # a caption takes 15 columns, so four stand in a row
    monkeypatch.setenv("LINES", "15")  # two rows of four lines, a caption and a gap
    done = command("inspect", "errors", "run")
    title, _, drawing = done.out.partition("\n")
    wrong = int((read_split(TOY, "valid").labels != 2).sum())
    assert title == (
        f"run, valid split, checkpoint best (epoch 1): {wrong} of 60 misclassified ({100 * wrong / 60:.2f} %)"
    )
    assert [line.count("as 2, 47.54 %") for line in drawing.split("\n") if "as" in line] == [4, 4]
    assert done.err == f"shown are the most confident ones, 8 of {wrong}; --count shows more, --out writes a file\n"


def test_title_says_which_class(run, command):
    ones = int((read_split(TOY, "valid").labels == 1).sum())
    done = command("inspect", "errors", "run", "--class", "1", "--count", "100")
    assert f", {ones} of them of class 1\n" in done.out
    assert done.out.count("1 as 2, ") == ones
    assert done.err == ""


def test_pictures_are_written(run, command):
    image = pytest.importorskip("PIL.Image")
    done = command("inspect", "errors", "run", "--out", "e.png", "--count", "12")
    assert (done.code, done.err) == (0, "wrote e.png\n")
    with image.open("e.png") as picture:
        pixels = np.asarray(picture)
    place = int(np.flatnonzero(read_split(TOY, "valid").labels != 2)[0])
    digit = read_split(TOY, "valid").images[place]
    np.testing.assert_array_equal(pixels[7 : 7 + 88, 7 : 7 + 88], digit.repeat(11, 0).repeat(11, 1))
    assert pixels.shape == (2 * (90 + 2 * 19 + 12) + 6, 10 * (90 + 12) + 6)


def test_picture_is_not_replaced_unless_forced(run, command):
    pytest.importorskip("PIL")
    Path("e.png").write_text("mine")
    done = command("inspect", "errors", "run", "--split", "test", "--out", "e.png")
    assert (done.code, done.err) == (2, "error: e.png: there already; --force replaces it\n")
    assert Path("e.png").read_text() == "mine"
    assert not list(run.evaluations.iterdir())
    assert command("inspect", "errors", "run", "--out", "e.png", "--force").code == 0
    assert Path("e.png").read_bytes().startswith(b"\x89PNG")


def test_json_and_pictures_go_together(run, command):
    pytest.importorskip("PIL")
    done = command("inspect", "errors", "run", "--json", "--out", "e.png")
    assert json.loads(done.out)["errors"] > 0
    assert Path("e.png").exists()


def test_digits_are_shown_as_they_are_in_the_data_set(toy, start, command):
    start(
        toy,
        "preprocess=[{type: whiten, dimensions: 9}]",
        "stopping.max_epochs.epochs=1",
        "optimizer.learning_rate=1e-9",
    )
    image = pytest.importorskip("PIL.Image")
    assert command("inspect", "errors", "run", "--by", "order", "--out", "e.png").code == 0
    place = shown(command, "--by", "order", "--count", "1")["misread"][0]["place"]
    with image.open("e.png") as picture:
        pixels = np.asarray(picture)[7 : 7 + 88 : 11, 7 : 7 + 88 : 11]
    np.testing.assert_array_equal(pixels, read_split(TOY, "valid").images[place])


def test_reading_of_the_test_split_is_counted_and_said(run, command):
    assert shown(command, "--split", "test")["test_readings"] == 1
    assert "test_readings" not in shown(command)
    assert command("inspect", "errors", "run", "--split", "test").out.endswith(
        "the test split has been read 2 times for this run\n"
    )
    assert json.loads(command("eval", "run", "--json").out)["test_readings"] == 3
    assert command("verify", "run").code == 0


def test_nothing_but_the_test_access_log_changes(run, command, everything_below):
    before = everything_below(run.path)
    shown(command)
    shown(command, "--split", "train")
    assert everything_below(run.path) == before
    shown(command, "--split", "test")
    access_log = run.evaluations / "test-readings.jsonl"
    assert everything_below(run.path) == {**before, access_log: everything_below(run.path)[access_log]}


def test_model_without_mistakes_has_no_pictures(toy, start, command):
    layers = "model.layers={hidden: null, output: null, only: {type: dense, units: 2, init: {type: zeros}}}"
    start(toy, "data.labels={positive: [0, 1, 2, 3]}", layers)  # every image is of class 1
    done = command("inspect", "errors", "run", "--out", "e.png")
    assert done.out.endswith(": 0 of 60 misclassified (0.00 %)\n")
    assert (done.code, done.err) == (0, "nothing was misclassified, so no picture is written\n")
    assert not Path("e.png").exists()
    assert command("inspect", "errors", "run").code == 0


def test_scores_are_shown_in_order(toy, start, command):
    start(toy, "loss={type: squared_error}", "stopping.max_epochs.epochs=1", "optimizer.learning_rate=1e-6")
    found = shown(command)
    assert found["by"] == "order"
    assert found["misread"][0]["probability"] is None
    assert "%" not in command("inspect", "errors", "run").out.partition("\n")[2]
    done = command("inspect", "errors", "run", "--by", "confidence")
    assert (done.code, "--by order works" in done.err) == (2, True)


def test_passed_over_checkpoint_is_said(toy, start, command):
    run = start(toy).run
    newest = checkpoints.newest_first(run.checkpoints)[0]
    newest.write_bytes(b"torn")
    assert command("inspect", "errors", "run", "-q").err.startswith(f"warning: passed over {newest}")


def test_model_that_gives_no_numbers_ends_with_6(run, command):
    stored(run, np.full(832, np.nan))
    done = command("inspect", "errors", "run", "--split", "test")
    assert (done.code, "outputs are not finite" in done.err) == (6, True)
    assert not list(run.evaluations.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "--class", "4"], 2, "--class: there is no class '4'; there are 0, 1, 2, 3"),
        (["run", "--class", "-1"], 2, "--class"),
        (["run", "--count", "0"], 2, "--count"),
        (["run", "--by", "name"], 2, "--by"),
        (["run", "--split", "tset"], 2, "--split"),
        (["run", "--checkpoint", "gone"], 4, "'gone' is neither best, last nor the path of a checkpoint file"),
        (["run", "--out", "no/folder.png"], 5, "no/folder.png: No such file or directory"),
        (["gone"], 4, "no run named 'gone'"),
    ],
)
def test_what_cannot_be_shown_is_said(run, command, arguments, code, message):
    done = command("inspect", "errors", *arguments)
    assert (done.code, message in done.err) == (code, True)


def test_run_without_a_validation_split_says_what_there_is(toy, start, command):
    start(toy, "data.validation_examples=0", "checkpoint.monitor=last", "stopping.max_epochs.epochs=1")
    done = command("inspect", "errors", "run")
    assert (done.code, "there are no valid examples" in done.err) == (2, True)
    assert shown(command, "--split", "train")["examples"] == 360
