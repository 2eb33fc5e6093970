"""From a folder of pictures to a confusion matrix in three commands; and what `data add` asks on a terminal."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.manifest import read_manifest

Image = pytest.importorskip("PIL.Image")

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
EXPERIMENT = """\
name: letters
data: {dataset: letters}
model: {type: sequential, layers: {output: {type: dense, units: 26, init: {type: zeros}}}}
batches: {size: 20}
optimizer: {type: sgd, learning_rate: 0.5}
stopping: [{type: max_epochs, epochs: 30}]
"""


def write_letters(folder: Path, each: int = 12) -> None:
    """Draw letters of 20x20 pixels, dark on light, at one of several places, in folders by letter."""
    from PIL import ImageDraw, ImageFont

    rng, font = np.random.default_rng(0), ImageFont.load_default(14)
    for letter in LETTERS:
        (folder / letter).mkdir(parents=True)
        for number in range(each):
            image = Image.new("L", (20, 20), int(rng.integers(220, 256)))
            at = float(rng.integers(3, 6)), float(rng.integers(1, 4))
            ImageDraw.Draw(image).text(at, letter, fill=int(rng.integers(0, 40)), font=font)
            image.save(folder / letter / f"{number}.png")


@pytest.fixture
def letters(toy, tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "cache"))
    write_letters(tmp_path / "folder")
    (tmp_path / "letters.yaml").write_text(EXPERIMENT)
    return tmp_path


def test_three_commands_lead_from_a_folder_of_letters_to_their_confusion_matrix(letters, command):
    added = command("data", "add", "letters", "folder", "--invert")
    assert added.code == 0, added.err
    assert added.out.startswith("letters: 260 training and 52 test images of 20x20 pixels, 26 classes")
    assert "52 of 312 are, of each class its share" in added.err
    trained = command("train", "letters.yaml", "--run-dir", "run", "-q")
    assert trained.code == 0, trained.err
    shown = command("inspect", "confusion", "run")
    assert shown.code == 0, shown.err
    assert {line.split()[0] for line in shown.out.splitlines() if line.strip()} >= set(LETTERS)
    found = json.loads(command("inspect", "confusion", "run", "--json").out)
    assert found["error"] < 0.3  # of 26 classes, by chance 0.96


def answer(monkeypatch, text: str | None) -> None:
    """Let stdin be a terminal at which somebody types this, or no terminal."""
    import io

    class Typed(io.StringIO):
        def isatty(self) -> bool:
            return text is not None

    monkeypatch.setattr(sys, "stdin", Typed(text or ""))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: text is not None, raising=False)


def brightest_border() -> int:
    folder = cache.set_folder("letters")
    content = np.frombuffer((folder / "train-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
    return int(content.reshape(-1, 20, 20)[:, 0].max())


@pytest.mark.parametrize(("typed", "is_inverted"), [("\n", True), ("y\n", True), ("n\n", False)])
def test_bright_background_is_asked_about_on_a_terminal(letters, command, monkeypatch, typed, is_inverted):
    answer(monkeypatch, typed)
    done = command("data", "add", "letters", "folder")
    assert done.code == 0, done.err
    assert "bright background, where MNIST's is dark. Exchange bright and dark? [Y/n]" in done.out + done.err
    assert (brightest_border() < 128) == is_inverted


@pytest.mark.parametrize(
    ("typed", "options"), [(None, ()), ("y\n", ("--no-invert",)), ("y\n", ("-q",)), ("n\n", ("--invert",))]
)
def test_nobody_is_asked_where_nobody_is_or_all_is_said(letters, command, monkeypatch, typed, options):
    answer(monkeypatch, typed)
    done = command("data", "add", "letters", "folder", *options)
    assert done.code == 0, done.err
    assert "[Y/n]" not in done.out + done.err
    assert ("--invert exchanges" in done.err) == (options in ((), ("-q",)))
    assert (brightest_border() < 128) == (options == ("--invert",))


def test_options_reach_what_they_are_for(letters, command):
    done = command(
        *("data", "add", "letters", "folder", "--no-invert", "--test", "0.25", "--valid", "26", "--seed", "3"),
        *("--resize", "10x12", "--transpose"),
    )
    assert done.code == 0, done.err
    manifest = read_manifest(cache.set_folder("letters"))
    assert manifest.image_shape == [12, 10]
    assert (manifest.train_examples, manifest.validation_examples, manifest.test_examples) == (234, 26, 78)
    assert manifest.class_names == tuple(LETTERS)


@pytest.mark.parametrize(
    "options",
    [
        *(("--test", text) for text in ("0", "1.0", "-1", "x", "0.0", "1.5")),
        *(("--size", text) for text in ("0", "28x", "2000x4", "x")),
    ],
)
def test_options_that_mean_nothing_are_refused(letters, command, options):
    done = command("data", "add", "letters", "folder", *options)
    assert done.code == 2
    assert "expected " in done.err
