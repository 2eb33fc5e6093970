"""Data of one's own: whatever would give a wrong result without a word is refused, or said."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistnn.data.datasets.cache import set_folder
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.splits import read_split

OWN = """\
name: own
data: {dataset: own}
model: {type: sequential, layers: {output: {type: dense, units: 3, init: {type: zeros}}}}
batches: {size: 10}
optimizer: {type: sgd, learning_rate: 0.5}
stopping: [{type: max_epochs, epochs: 20}]
"""
SIDE = 12


def bars(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes: a bar that lies, one that stands, and a ring; bright on dark, at one of several places."""
    rng = np.random.default_rng(seed)
    images, labels = np.zeros((count, SIDE, SIDE), np.uint8), np.arange(count, dtype=np.uint8) % 3
    for image, label in zip(images, labels, strict=True):
        height, width = ((2, 6), (6, 2), (6, 6))[label]
        top, left = ((SIDE - side) // 2 + rng.integers(-1, 2) for side in (height, width))
        image[top : top + height, left : left + width] = rng.integers(180, 256)
        if label == 2:
            image[top + 2 : top + 4, left + 2 : left + 4] = 0
    return images, labels


def halves(train: int = 60, test: int = 15) -> dict[str, np.ndarray]:
    (x, y), (u, v) = bars(train), bars(test, 1)
    return {"x_train": x, "y_train": y, "x_test": u, "y_test": v}


def write_png(path: Path, samples: np.ndarray) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(samples).save(path)


def folder(path: Path, change: Callable[[np.ndarray], np.ndarray] = lambda image: image, **names: str) -> Path:
    """Write a set as PNG files; `names` are those of the folders for train and test."""
    arrays = halves()
    for half in ("train", "test"):
        for number, (image, label) in enumerate(zip(arrays[f"x_{half}"], arrays[f"y_{half}"], strict=True)):
            write_png(path / names.get(half, half) / str(label) / f"{number:03d}.png", change(image))
    return path


@pytest.fixture
def own(toy, monkeypatch) -> Path:
    """The path of an experiment on a set `own`, which is not there yet, in a cache of its own."""
    monkeypatch.setenv("MNISTNN_DATA", str(toy.parent / "cache"))
    path: Path = toy.with_name("own.yaml")
    path.write_text(OWN)
    return path


@pytest.fixture
def added(own, command) -> Callable[..., Any]:
    """Add a set `own` of arrays; the command must succeed."""

    def add(*options: str, **arrays: np.ndarray) -> Any:
        np.savez("own.npz", allow_pickle=False, **{**halves(), **arrays})
        done = command("data", "add", "own", "own.npz", *options)
        assert done.code == 0, done.err
        return done

    return add


@pytest.fixture
def trained(own, added, command) -> Callable[..., str]:
    def train(*overrides: str) -> str:
        done = command("train", own, "--run-dir", "run", "-q", *overrides)
        assert done.code == 0, done.err
        return "run"

    return train


# What is drawn with a transparent background, in 16 bits, or with a palette.


def transparent(image: np.ndarray) -> np.ndarray:
    """Black ink, and nothing else."""
    rgba = np.zeros((*image.shape, 4), np.uint8)
    rgba[..., 3] = image
    return rgba


def with_alpha(image: np.ndarray) -> np.ndarray:
    """White ink in grey with an alpha channel."""
    return np.stack([np.full_like(image, 255), image], axis=2)


def of_16_bits(image: np.ndarray) -> np.ndarray:
    return image.astype(np.uint16) * 257


@pytest.mark.parametrize(("change", "is_dark"), [(transparent, True), (with_alpha, False), (of_16_bits, False)])
def test_pictures_are_read_as_predict_reads_them(own, command, change, is_dark):
    done = command("data", "add", "own", folder(Path("set"), change))
    assert done.code == 0, done.err
    assert ("bright background" in done.err) == is_dark
    from mnistnn.data.spec import Data

    images = read_split(Data(dataset="own", validation_examples=10), "test").images
    expected = folder(Path("plain"))
    assert command("data", "add", "plain", expected).code == 0
    plain = read_split(Data(dataset="plain", validation_examples=10), "test").images
    np.testing.assert_allclose(images, 255 - plain if is_dark else plain, atol=1)


@pytest.mark.parametrize("part", [0.5, 1.0])
def test_set_of_empty_images_is_refused(own, command, part):
    arrays = halves()
    arrays["x_train"][: int(part * 60)] = 255
    np.savez("own.npz", allow_pickle=False, **arrays)
    done = command("data", "add", "own", "own.npz")
    assert done.code == 3
    assert f"{int(part * 60)} of 60 training images are all one grey" in done.err
    assert not set_folder("own").exists()


def test_few_empty_images_are_said(added):
    arrays = halves()
    arrays["x_train"][:3] = 7
    assert "3 of 60 training images are all one grey" in added(**arrays).err


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (lambda y: y + 1, "labels are 1 to 3: they are stored as 0 to 2, and the classes are called 1 to 3"),
        (lambda y: y * 2 + 1, "no image has the labels 0, 2, 4, though labels go up to 5"),
        (lambda y: y * 2, "no image has the labels 1, 3, though labels go up to 4"),
        (lambda y: np.where(y == 2, 0, y), None),
    ],
)
def test_labels_with_gaps_are_said(added, labels, said):
    arrays = halves()
    found = added(y_train=labels(arrays["y_train"]), y_test=labels(arrays["y_test"])).err
    assert (said in found) if said else "note" not in found


def test_class_that_a_split_lacks_is_said(added):
    arrays = halves()
    assert "test images have none of the label 2" in added(y_test=arrays["y_test"] % 2).err


def test_bright_background_is_said_and_turned(added, trained, command):
    arrays = halves()
    bright = {name: 255 - arrays[name] for name in ("x_train", "x_test")}
    said = added(**bright).err
    assert "100% of the training images have a bright background" in said
    assert "--invert" in said
    assert "note" not in added("--force", "--invert", **bright).err
    from mnistnn.data.spec import Data

    np.testing.assert_array_equal(
        read_split(Data(dataset="own", validation_examples=10), "test").images, arrays["x_test"]
    )


# The validation split.


def test_sorted_set_is_mixed_so_that_validation_has_all_classes(added, own, command):
    arrays = halves()
    order = np.argsort(arrays["y_train"], kind="stable")
    said = added(x_train=arrays["x_train"][order], y_train=arrays["y_train"][order]).err
    assert "lacked a class or more: all are stored in a mixed order" in said
    shown = json.loads(command("data", "show", "own", "--split", "valid", "--json").out)
    assert sorted(shown["class_counts"]) == [3, 3, 4]
    shown = json.loads(command("data", "show", "own", "--split", "train", "--json").out)
    assert sorted(shown["class_counts"]) == [16, 17, 17]


def test_set_that_is_mixed_already_keeps_its_order(added, own):
    assert "mixed order" not in added().err
    from mnistnn.data.spec import Data

    np.testing.assert_array_equal(
        read_split(Data(dataset="own", validation_examples=0), "train").images, halves()["x_train"]
    )


def test_validation_images_of_a_folder_are_the_validation_split(own, command):
    path = folder(Path("set"), train="training", test="testing")
    for number, (image, label) in enumerate(zip(*bars(9, 5), strict=True)):
        write_png(path / "validation" / str(label) / f"{number}.png", image)
    done = command("data", "add", "own", path)
    assert done.code == 0, done.err
    assert "its 9 validation images are the validation split" in done.err
    manifest = read_manifest(set_folder("own"))
    assert (manifest.train_examples, manifest.validation_examples) == (69, 9)
    assert command("train", own, "--run-dir", "run", "-q").code == 0
    shown = command("config", "show", own).out
    assert "validation_examples: 9" in shown


def test_small_set_has_a_sixth_for_validation_where_nothing_is_said(added, own, command):
    added()
    for override, expected in (((), 10), (("data.validation_examples=7",), 7), (("data.dataset=mnist",), 10_000)):
        done = command("config", "show", own, *override)
        assert re.findall(r"validation_examples: (\d+)\b", done.out) == [str(expected)]


# Files as they are found.


@pytest.mark.parametrize("left", ["Thumbs.db", "desktop.ini", ".DS_Store"])
def test_what_systems_leave_behind_is_no_image(own, command, left):
    path = folder(Path("set"))
    (path / "train" / "0" / left).write_bytes(b"what systems leave")
    assert command("data", "add", "own", path).code == 0


def test_jpeg_files_are_read(own, command):
    from PIL import Image

    arrays = halves()
    for half in ("train", "test"):
        for number, (image, label) in enumerate(zip(arrays[f"x_{half}"], arrays[f"y_{half}"], strict=True)):
            path = Path("set", half, str(label), f"{number}.jpg")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path, quality=95)
    done = command("data", "add", "own", "set")
    assert done.code == 0, done.err
    assert "60 training and 15 test images" in done.out


def test_only_folder_inside_of_the_folder_is_taken(own, command):
    folder(Path("outer/inner/set"))
    done = command("data", "add", "own", "outer")
    assert done.code == 0, done.err
    assert "note: the images are those of outer/inner/set" in done.err
    assert "60 training and 15 test images" in done.out


def test_folder_inside_of_the_folder_is_named_where_there_are_others(own, command):
    folder(Path("outer/inner"))
    Path("outer/other").mkdir()
    done = command("data", "add", "own", "outer")
    assert done.code == 3
    assert "outer/inner has such folders: add that" in done.err


@pytest.mark.parametrize("character", ["\u00a0", "\u202f", "\u200b", "\u3000"])
def test_space_that_is_none_is_shown_in_an_experiment(toy, command, character):
    toy.write_text(toy.read_text().replace("size: 32", f"size:{character}32"))
    done = command("train", toy)
    assert done.code == 2
    assert re.search(rf"column 1\d has a .* \(U\+{ord(character):04X}\), which is no space", done.err), done.err


def test_folder_without_test_images_is_divided_and_what_is_left_out_is_said(own, command):
    path = folder(Path("set"), test="pictures")
    done = command("data", "add", "own", path)
    assert done.code == 0, done.err
    assert "50 training and 10 test images" in done.out
    assert "left out, beside set/train: pictures" in done.err
    assert "nothing says which images are for the test: 10 of 60 are" in done.err


def test_folders_with_names_name_the_classes(own, command):
    names = {"0": "cat", "1": "dog", "2": "Ä"}
    path = folder(Path("set"))
    for half in ("train", "test"):
        for label, name in names.items():
            (path / half / label).rename(path / half / name)
    done = command("data", "add", "own", path)
    assert done.code == 0, done.err
    assert json.loads(command("data", "show", "own", "--json").out)["class_names"] == ["cat", "dog", "Ä"]


def test_empty_folder_of_a_label_is_refused(own, command):
    path = folder(Path("set"))
    (path / "train/3").mkdir()
    done = command("data", "add", "own", path)
    assert done.code == 3
    assert "train/3: contains no image files; remove the folder" in done.err


def test_images_of_another_shape_are_refused_with_what_makes_some(own, command):
    np.savez("own.npz", allow_pickle=False, **{**halves(), "x_train": halves()["x_train"].reshape(60, -1)})
    done = command("data", "add", "own", "own.npz")
    assert done.code == 3
    assert "x.reshape(-1, 12, 12)" in done.err


def test_colours_of_arrays_become_grey_as_pillow_makes_them(added):
    from PIL import Image

    from mnistnn.data.spec import Data

    colours = np.random.default_rng(0).integers(0, 256, (60, SIDE, SIDE, 3), dtype=np.uint8)
    assert "colours were made grey: 0.299 red" in added(x_train=colours).err
    found = read_split(Data(dataset="own", validation_examples=0), "train").images
    np.testing.assert_array_equal(found, [np.asarray(Image.fromarray(each).convert("L")) for each in colours])


def test_name_comes_before_the_files(own, command):
    done = command("data", "add", folder(Path("Set")), "own")
    assert done.code == 2
    assert "the name comes before the files" in done.err


def test_folder_of_labels_alone_is_divided(own, command):
    path = folder(Path("set"))
    done = command("data", "add", "own", path / "train")
    assert done.code == 0, done.err
    assert "50 training and 10 test images" in done.out


def test_axis_of_one_has_one_meaning(added):
    arrays = halves()
    added(x_train=arrays["x_train"][..., None], y_train=arrays["y_train"][:, None])
    from mnistnn.data.spec import Data

    found = read_split(Data(dataset="own", validation_examples=0), "train")
    np.testing.assert_array_equal(found.images, arrays["x_train"])
    np.testing.assert_array_equal(found.labels, arrays["y_train"])


@pytest.mark.parametrize(
    ("arrays", "lacking", "message"),
    [
        ({"x_train": halves()["x_train"] / 255.0}, None, r"floats from 0 to 1, np.rint\(255 \* x\)"),
        ({"y_train": np.eye(3, dtype=np.uint8)[halves()["y_train"]]}, None, "is it one-hot"),
        ({"y_train": np.eye(3, dtype=np.float32)[halves()["y_train"]]}, None, r"y.argmax\(axis=1\) makes labels"),
        (
            {},
            "x_test",
            "has x_train, y_train, y_test; expected x_train, y_train, x_test, y_test, or other names for these: "
            "there are no images of the test half",
        ),
    ],
)
def test_archive_that_is_not_read_is_refused_in_words(own, command, arrays, lacking, message):
    given = {name: array for name, array in {**halves(), **arrays}.items() if name != lacking}
    np.savez("own.npz", allow_pickle=False, **given)
    done = command("data", "add", "own", "own.npz")
    assert done.code == 3
    assert re.search(message, done.err), done.err


@pytest.mark.parametrize("count", [2, 4])
def test_several_archives_whose_names_say_no_half_are_refused(own, command, count):
    for number in range(count):
        np.savez(f"{number}.npz", allow_pickle=False, arr_0=np.zeros(3, np.uint8))
    done = command("data", "add", "own", *(f"{number}.npz" for number in range(count)))
    assert done.code == 3
    assert "0.npz: its name must say which half it is: 'train', 'test' or 'valid'" in done.err


# The data of a run.

READERS: list[tuple[str, ...]] = [
    ("eval", "run"),
    ("eval", "run", "--split", "valid"),
    ("inspect", "errors", "run", "--out", "errors.png"),
    ("inspect", "confusion", "run"),
    ("export", "run", "--to", "onnx"),
    ("refit", "run"),
    ("resume", "run", "--epochs", "30"),
]


@pytest.mark.parametrize("arguments", READERS)
def test_run_whose_set_was_replaced_reads_no_other(added, trained, command, arguments):
    added()
    trained()
    before = sorted(str(path) for path in Path().rglob("*"))
    added("--force", y_test=(halves()["y_test"] + 1) % 3, y_train=(halves()["y_train"] + 1) % 3)
    done = command(*arguments)
    assert done.code == 3, done.err
    assert "the data set is not the one that this run was trained on" in done.err
    after = sorted(str(path) for path in Path().rglob("*") if ".lock" not in path.name)
    assert [path for path in after if path not in before and not path.startswith("cache")] == []


NEEDS_NO_IMAGES: list[tuple[str, ...]] = [
    ("predict", "run", "digit.png"),
    ("export", "run", "--to", "npz"),
    ("export", "run", "--to", "safetensors"),
    ("inspect", "filters", "run", "--out", "filters.png"),
    ("inspect", "summary", "run"),
    ("show", "run"),
]


@pytest.mark.parametrize("arguments", NEEDS_NO_IMAGES)
def test_what_needs_no_images_works_without_the_set(added, trained, command, monkeypatch, arguments):
    added()
    trained()
    write_png(Path("digit.png"), halves()["x_test"][0])
    monkeypatch.setenv("MNISTNN_DATA", "nowhere")
    done = command(*arguments)
    assert done.code == 0, done.err


def test_what_needs_images_says_that_the_set_is_not_there(added, trained, command, monkeypatch):
    added()
    trained()
    monkeypatch.setenv("MNISTNN_DATA", "nowhere")
    done = command("eval", "run")
    assert done.code == 3
    assert "the data set own is not in" in done.err


# Pictures of one's own.


@pytest.mark.parametrize("is_dark", [False, True])
def test_pictures_like_the_training_images_are_predicted_as_eval_would(added, trained, command, is_dark):
    arrays = halves()
    if is_dark:
        arrays |= {name: 255 - arrays[name] for name in ("x_train", "x_test")}
    added(**arrays)
    trained()
    for number, image in enumerate(arrays["x_test"]):
        write_png(Path(f"{number}.png"), image)
    done = command("predict", "run", *(f"{number}.png" for number in range(15)), "--json")
    predicted = [int(each["classes"][0]["class"]) for each in json.loads(done.out)["images"]]
    error = json.loads(command("eval", "run", "--json").out)["error"]
    assert np.mean(np.array(predicted) != arrays["y_test"]) == pytest.approx(error)
    assert error < 0.2
    assert "given as it is, as the training images are" in command("predict", "run", "0.png").out


@pytest.mark.parametrize("is_dark", [False, True])
def test_large_picture_is_made_like_the_training_images(added, trained, command, is_dark):
    arrays = halves()
    if is_dark:
        arrays |= {name: 255 - arrays[name] for name in ("x_train", "x_test")}
    added(**arrays)
    trained()
    right = 0
    for number in range(6):
        for inverted in (False, True):  # dark or bright ink: what the training images have is what the model sees
            large = np.kron(halves()["x_test"][number], np.ones((20, 20), np.uint8))
            write_png(Path("large.png"), 255 - large if inverted else large)
            found = json.loads(command("predict", "run", "large.png", "--json").out)["images"][0]
            assert found["problem"] is None
            seen = np.array(found["seen"])
            assert (np.median(seen[0]) > 127) == is_dark
            right += int(found["classes"][0]["class"]) == halves()["y_test"][number]
    assert right >= 9


def on_its_side(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.swapaxes(a, 1, 2) if name.startswith("x") else a for name, a in arrays.items()}


@pytest.mark.parametrize("is_small", [False, True])
def test_picture_is_laid_on_its_side_like_images_that_are_transposed(added, trained, command, is_small):
    """A bar that lies is one that stands in the files of such a set."""
    added(**on_its_side(halves()))
    run = trained("preprocess=[{type: transpose}]")
    if is_small:  # as the files have it, which a picture of their size is taken for
        images, labels = on_its_side(halves())["x_test"][:2], [0, 1]
        for image, label in zip(images, labels, strict=True):
            write_png(Path(f"{label}.png"), image)
    else:
        write_png(Path("0.png"), np.pad(np.full((20, 60), 255, np.uint8), 40))
        write_png(Path("1.png"), np.pad(np.full((60, 20), 255, np.uint8), 40))
    done = command("predict", run, "0.png", "1.png", "--json")
    assert done.code == 0, done.err
    assert [each["classes"][0]["class"] for each in json.loads(done.out)["images"]] == ["0", "1"]
    assert ("on its side" in command("predict", run, "0.png").out) is is_small


def sheet(side: int = 240) -> np.ndarray:
    """A page with a thick bar that stands in its middle."""
    page = np.full((side, side, 3), 240, np.uint8)
    page[60:180, 100:140] = 20
    return page


def on_ruled_paper() -> np.ndarray:
    page = sheet()
    page[30::40] = (120, 150, 220)
    page[31::40] = (120, 150, 220)
    return page


def with_one_line() -> np.ndarray:
    page = sheet()
    page[120:123] = 60
    return page


def on_a_dark_table() -> np.ndarray:
    table = np.full((360, 400, 3), (50, 35, 25), np.uint8)
    table[60:300, 80:320] = sheet()
    return table


def on_a_bright_table_with_chalk() -> np.ndarray:
    return 255 - on_a_dark_table()


def two_bars() -> np.ndarray:
    page = np.full((240, 240, 3), 240, np.uint8)
    page[60:180, 80:105] = page[66:180, 125:150] = 20
    return page


def in_red_on_green() -> np.ndarray:
    page = sheet()
    return np.where(page > 128, (0, 102, 0), (200, 0, 0)).astype(np.uint8)


def in_blue_on_brown() -> np.ndarray:
    page = sheet()
    return np.where(page > 128, (92, 60, 40), (20, 60, 220)).astype(np.uint8)


@pytest.mark.parametrize(
    ("picture", "warning"),
    [
        (on_ruled_paper, "ink goes on from one border of the picture to the other"),
        (with_one_line, "ink goes on from one border of the picture to the other"),
        (two_bars, "two tall parts stand side by side"),
        (on_a_dark_table, "the paper does not fill the picture"),
        (on_a_bright_table_with_chalk, "the paper does not fill the picture"),
    ],
)
def test_what_makes_a_prediction_doubtful_is_said(added, trained, command, picture, warning):
    added()
    run = trained()
    write_png(Path("page.png"), picture())
    done = command("predict", run, "page.png")
    assert done.code == 0, done.err
    assert f"warning: {warning}" in done.out
    (found,) = json.loads(command("predict", run, "page.png", "--json").out)["images"]
    assert any(each.startswith(warning) for each in found["warnings"])
    if "paper" in warning:
        assert found["classes"][0]["class"] == "1"


def test_plain_picture_has_no_warning(added, trained, command):
    added()
    run = trained()
    write_png(Path("page.png"), sheet())
    (found,) = json.loads(command("predict", run, "page.png", "--json").out)["images"]
    assert (found["classes"][0]["class"], found["warnings"]) == ("1", [])


@pytest.mark.parametrize("picture", [in_red_on_green, in_blue_on_brown])
def test_contrast_in_colour_alone_is_said(added, trained, command, picture):
    added()
    run = trained()
    write_png(Path("page.png"), picture())
    done = command("predict", run, "page.png")
    assert "differs in colour" in (done.out if done.code == 0 else done.err)
    assert "brightness" in (done.out if done.code == 0 else done.err)


def test_second_digit_on_a_picture_is_said(added, trained, command):
    added()
    trained()
    two = np.zeros((60, 200), np.uint8)
    two[10:50, 20:40], two[10:50, 140:170] = 255, 255
    write_png(Path("two.png"), two)
    assert "warning: other ink lies beside it" in command("predict", "run", "two.png").out


# Sequences in tables.

SERIES = """\
name: series
data: {sequences: {type: csv, path: series.csv, window: 4}}
model:
  type: sequential
  layers: {memory: {type: recurrent, units: 3, output: every}, output: {type: dense, units: 1, each_step: true}}
loss: {type: mean_squared_error}
optimizer: {type: sgd, learning_rate: 0.01}
batches: {size: 4}
stopping: [{type: max_epochs, epochs: 2}]
checkpoint: {monitor: valid.loss}
"""


def series(separator: str = ",", comma: bool = False, names: bool = True) -> str:
    lines = ["time" + separator + "value"] if names else []
    for step in range(80):
        value = f"{np.sin(step / 3):.3f}"
        lines.append(f"{step}{separator}{value.replace('.', ',') if comma else value}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def table(toy) -> Path:
    path: Path = toy.with_name("series.yaml")
    path.write_text(SERIES.replace("window: 4", "window: 4, columns: [value]"))
    return path


def test_table_without_names_is_refused(table, command):
    Path("series.csv").write_text(series(names=False))
    done = command("train", table, "--run-dir", "run")
    assert done.code in (2, 3)
    assert "line 1: has only numbers ('0', '0.000'), but the first line is to name the columns" in done.err


def test_other_separator_is_named(table, command):
    Path("series.csv").write_text(series(";", comma=True))
    done = command("train", table, "--run-dir", "run")
    assert done.code in (2, 3)
    assert "separator: ';'" in done.err
    done = command("train", table, "data.sequences.separator=;", "--run-dir", "run", "-q")
    assert done.code == 0, done.err


def test_table_that_was_changed_is_not_evaluated(table, command):
    Path("series.csv").write_text(series())
    assert command("train", table, "--run-dir", "run", "-q").code == 0
    assert command("eval", "run").code == 0
    Path("series.csv").write_text(series().replace("0.327", "0.999"))
    done = command("eval", "run")
    assert done.code == 3
    assert "the data set is not the one that this run was trained on: series.csv differs" in done.err


# Training that cannot change anything, and claims about another experiment.


def test_rate_of_zero_for_all_that_is_left_is_said(toy, command):
    rate = "optimizer.learning_rate={type: linear, start: 0.3, epochs: 3}"
    assert command("train", toy, rate, "stopping.0.epochs=3", "--run-dir", "run", "-q").code == 0
    done = command("resume", "run", "--epochs", "5")
    assert done.code == 0
    assert "the learning rate is 0 from here on" in done.err
    assert "the learning rate is 0" not in command("train", toy, rate, "stopping.0.epochs=3").err


def test_normalisation_of_one_example_is_said(toy, command):
    layers = "model.layers={norm: {type: batch_norm}, output: {type: dense, units: 4}}"
    done = command("train", toy, layers, "batches.size=1", "stopping.0.epochs=1")
    assert "layer norm sees one example at a time (batches.size: 1)" in done.err
    assert "sees one" not in command("train", toy, layers, "stopping.0.epochs=1").err


def test_end_before_what_is_done_is_refused_and_nothing_is_written(toy, command):
    assert command("train", toy, "--run-dir", "run", "-q").code == 0
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    done = command("resume", "run", "--epochs", "3")
    assert done.code == 2
    assert "has 6 epochs already, and is to go on to the end of epoch 3" in done.err
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("override", "holds"),
    [
        ("seed=3", True),
        ("backend.threads=1", True),
        ("evaluation.batch_size=50", True),
        ("optimizer.learning_rate=0.1", False),
        ("checkpoint.monitor=valid.loss", False),
        ("stopping.0.epochs=1", False),
    ],
)
def test_claim_is_of_the_experiment_of_the_file_only(toy, command, override, holds):
    toy.write_text(toy.read_text() + "expect: {test_error: [0.0, 1.0], source: a guess}\n")
    assert command("train", toy, override, "--run-dir", "run", "-q").code == 0
    done = command("eval", "run")
    assert ("a guess" in done.out) == holds
    held = command("eval", "run", "--expect")
    assert held.code == (0 if holds else 2)
    assert ("overrides of what is learned or measured leave the claims of a file behind" in held.err) != holds


def test_claim_of_a_file_that_is_extended_is_not_ones_own(toy, command):
    toy.write_text(toy.read_text() + "expect: {test_error: [0.0, 1.0], source: a guess}\n")
    mine = toy.with_name("mine.yaml")
    mine.write_text("name: mine\nextends: toy.yaml\nmodel: {layers: {hidden: {units: 3}}}\n")
    assert command("train", mine, "--run-dir", "run", "-q").code == 0
    assert "a guess" not in command("eval", "run").out


# Trials that diverge, and runs without evaluations.


def test_trial_that_diverges_is_a_result(toy, command):
    done = command("sweep", "run", toy, "optimizer.learning_rate=0.1,1e30", "--study", "study")
    assert done.code == 0, done.err
    assert "1 diverged" in done.out
    assert "--retry-failed" not in done.err
    assert "next: mnistnn sweep best study" in done.out
    best = command("sweep", "best", "study")
    assert best.code == 0, best.err
    assert "learning_rate=0.1" in best.out
    assert command("sweep", "resume", "study").code == 0


def test_run_without_evaluations_is_left_out_of_a_table_with_a_warning(toy, command):
    command("sweep", "run", toy, "optimizer.learning_rate=0.1,1e30", "--study", "study", "-q")
    done = command("export", "study/trials/0000-seed0", "study/trials/0001-seed0", "--to", "csv", "--out", "all.csv")
    assert done.code == 0, done.err
    assert "warning: left out: " in done.err
    assert "0000-seed0" in Path("all.csv").read_text()


# Streams that cannot carry everything, or are not there.


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp437"])
def test_output_of_any_encoding_is_written(toy, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for arguments in (("config", "explain", "optimizer"), ("inspect", "summary", "toy.yaml"), ("--help",)):
        done = subprocess.run(
            [sys.executable, "-m", "mnistnn", *arguments], env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode(encoding)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_process_without_a_stream_does_its_work(toy, closed):
    command = f"{sys.executable} -m mnistnn train toy.yaml --run-dir run {closed}"
    assert subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode == 0
    assert Path("run/run.json").exists()
