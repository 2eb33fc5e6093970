"""`mnistnn inspect filters`."""

from pathlib import Path

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
        assert picture.size == (12 * (8 * 4 + 2) + 2, 8 * 4 + 4)


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
