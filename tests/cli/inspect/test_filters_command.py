"""`mnistnn inspect filters`."""

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def run(toy, start):
    start(toy, "stopping.max_epochs.epochs=1")
    return "run"


def test_filters_are_drawn_in_the_terminal_as_many_as_fit(run, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")  # four pictures of 16 columns in a row, of 8 lines each
    monkeypatch.setenv("LINES", "20")
    done = command("inspect", "filters", run)
    title, _, drawing = done.out.partition("\n")
    assert done.code == 0
    assert title.startswith("hidden.W, checkpoint best (epoch 1): 12 units, pictures of 8×8, largest weight 0.")
    assert [len(band.splitlines()) for band in drawing.split("\n\n")] == [8, 8]
    assert done.err == "≡=- below zero, ░▒█ above; --count shows more, --out writes all\n"


def test_count_draws_so_many(run, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    done = command("inspect", "filters", run, "--count", "12", "--scale", "each", "-q")
    assert len(done.out.splitlines()) == 1 + 12 * 8 + 11
    assert done.err == ""


def test_filters_are_written_as_a_picture(run, command):
    image = pytest.importorskip("PIL.Image")
    done = command("inspect", "filters", run, "--out", "f.png")
    assert (done.code, done.err) == (0, "wrote f.png\n")
    with image.open("f.png") as picture:
        assert picture.size == (12 * (8 * 7 + 2) + 2, 8 * 7 + 4)


def test_chosen_units_are_drawn_in_their_order(run, command):
    image = pytest.importorskip("PIL.Image")
    assert command("inspect", "filters", run, "--out", "all.png").code == 0
    done = command("inspect", "filters", run, "--units", "7,3", "--out", "f.png")
    assert done.code == 0
    assert "2 units" in done.out
    with image.open("all.png") as everything, image.open("f.png") as chosen:
        assert chosen.size == (2 * (8 * 7 + 2) + 2, 8 * 7 + 4)
        full, two = np.asarray(everything), np.asarray(chosen)
        # Full strength is the largest weight of those that are drawn, so only signs are the same.
        for place, unit in enumerate((7, 3)):
            there, here = (a[2:58, 2 + 58 * n : 58 + 58 * n].astype(int) - 128 for a, n in ((full, unit), (two, place)))
            assert (np.sign(there) * np.sign(here) >= 0).all()
    done = command("inspect", "filters", run, "--units", "12")
    assert (done.code, "there are the units 0 to 11, but not 12" in done.err) == (2, True)


def test_picture_is_not_replaced_unless_forced(run, command):
    Path("f.png").write_text("mine")
    done = command("inspect", "filters", run, "--out", "f.png")
    assert (done.code, done.err) == (2, "error: f.png: there already; --force replaces it\n")
    assert Path("f.png").read_text() == "mine"
    assert command("inspect", "filters", run, "--out", "f.png", "--force").code == 0
    assert Path("f.png").read_bytes().startswith(b"\x89PNG")


def test_last_parameters_can_be_drawn(run, command):
    assert "checkpoint last (epoch 1)" in command("inspect", "filters", run, "--checkpoint", "last").out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--layer", "hiden"], 2, "--layer: no layer with weights is named 'hiden'; did you mean 'hidden'?"),
        (["--layer", "output"], 2, "the weights of output cannot be drawn"),
        (["--count", "0"], 2, "--count"),
        (["--checkpoint", "gone"], 4, "'gone' is neither best, last nor the path of a checkpoint file"),
        (["--out", "no/folder.png"], 5, "no/folder.png: No such file or directory"),
    ],
)
def test_what_cannot_be_drawn_is_said(run, command, arguments, code, message):
    done = command("inspect", "filters", run, *arguments)
    assert (done.code, message in done.err) == (code, True)


def test_filters_as_json(run, command):
    found = json.loads(command("inspect", "filters", run, "--json").out)
    assert (found["schema_version"], found["parameter"], found["checkpoint"]) == (1, "hidden.W", "best")
    assert (found["units"], found["channels"], found["picture_shape"]) == (12, 1, [8, 8])


def test_filters_on_whitened_inputs_say_in_front_of_what_they_are(toy, start, command):
    start(toy, "stopping.max_epochs.epochs=1", "preprocess=[{type: whiten, dimensions: 9}]")
    title = command("inspect", "filters", "run", "--count", "1").out
    assert "12 units, pictures of 8×8 in front of preprocess.0 (whiten), largest weight" in title
    found = json.loads(command("inspect", "filters", "run", "--json").out)
    assert (found["picture_shape"], found["in_front_of"]) == ([8, 8], "preprocess.0 (whiten)")


@pytest.fixture
def long_run(toy, start):
    start(toy, "checkpoint.keep_every_epochs=2", "checkpoint.keep_last=1", "stopping.max_epochs.epochs=5")
    return "run"


def test_history_is_drawn_in_the_terminal(long_run, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")  # three pictures of 16 columns side by side
    done = command("inspect", "filters", long_run, "--history")
    title, *lines = done.out.splitlines()
    assert title.startswith("hidden.W, 3 checkpoints: 12 units, largest weight 0.")
    assert [line for line in lines if line.startswith("epoch")] == ["epoch 2", "epoch 4", "epoch 5"]
    assert max(map(len, lines)) in range(34, 51)
    assert done.err == "≡=- below zero, ░▒█ above; --count shows more, --out writes all\n"


def test_history_is_written_as_a_picture(long_run, command):
    image = pytest.importorskip("PIL.Image")
    done = command("inspect", "filters", long_run, "--history", "--count", "5", "--out", "h.png")
    assert (done.code, done.err) == (0, "wrote h.png\n")
    with image.open("h.png") as picture:
        assert picture.size[0] > 5 * 58 + 2
        assert picture.size[1] == 3 * 58 + 2


def test_history_as_json(long_run, command):
    found = json.loads(command("inspect", "filters", long_run, "--history", "--json").out)
    assert (found["schema_version"], found["parameter"], found["units"]) == (1, "hidden.W", 12)
    assert [(row["epoch"], row["updates"], row["is_inside"]) for row in found["history"]] == [
        (2, 20, False), (4, 40, False), (5, 50, False),
    ]  # fmt: skip


def test_damaged_checkpoint_is_left_out_of_the_history_and_said(long_run, command):
    damaged = Path("run/checkpoints/step-0000000040.safetensors")
    damaged.write_bytes(b"torn")
    done = command("inspect", "filters", long_run, "--history", "-q")
    assert done.err.startswith(f"warning: passed over {damaged}")
    assert "epoch 4" not in done.out


def test_run_that_kept_little_is_told_how_to_keep_more(run, command):
    for path in sorted(Path("run/checkpoints").glob("*.safetensors"))[:-1]:
        path.unlink()
    done = command("inspect", "filters", run, "--history")
    assert done.out.startswith("hidden.W, one checkpoint: 12 units")
    note, _ = done.err.splitlines()
    assert note == (
        "note: the run keeps its newest 2 only; "
        "train with checkpoint.keep_every_epochs=1 to keep the checkpoint of every epoch"
    )


def test_history_of_one_checkpoint_makes_no_sense(run, command):
    done = command("inspect", "filters", run, "--history", "--checkpoint", "last")
    assert (done.code, done.err) == (2, "error: --history draws all checkpoints, so --checkpoint does not go with it\n")
