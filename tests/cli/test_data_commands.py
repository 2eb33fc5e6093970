import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from mnistnn.cli.data import data
from mnistnn.data.datasets import cache
from mnistnn.data.formats.image_set import FILE_NAMES, TRAIN_IMAGES, LabelledImages, idx_files, image_set
from mnistnn.errors import DataError, UsageError


@pytest.fixture(autouse=True)
def cache_root(tmp_path, monkeypatch):
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path):
    """Write four IDX files: 12 training and 6 test images in three classes, all ink in their left half."""
    images = np.zeros((12, 4, 4), dtype=np.uint8)
    images[:, :, :2] = 255
    labels = (np.arange(12) % 3).astype(np.uint8)
    tiny = image_set(LabelledImages(images, labels), LabelledImages(images[:6], labels[:6]), "tiny")
    for name, content in idx_files(tiny).items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in FILE_NAMES]


def run(*arguments: str):
    """Run a command; an expected failure is left to the caller, as the command line's own shell does it."""
    return CliRunner().invoke(data, arguments, catch_exceptions=True)


def test_add_prints_what_was_stored(files):
    result = run("add", "tiny", *files)
    assert result.exit_code == 0
    assert result.stdout.startswith("tiny: 12 training and 6 test images of 4x4 pixels, 3 classes: ")


def test_add_of_a_taken_name_needs_force(files):
    run("add", "tiny", *files)
    assert isinstance(run("add", "tiny", *files).exception, UsageError)
    assert run("add", "tiny", *files, "--force").exit_code == 0


def test_fetch_says_whether_it_had_to(monkeypatch):
    for fetched, outcome in ((True, "fetched and verified"), (False, "already there, verified")):
        monkeypatch.setattr("mnistnn.data.datasets.fetch.fetch", lambda name, force, progress, answer=fetched: answer)
        result = run("fetch")
        assert result.exit_code == 0
        assert result.stdout.startswith(f"mnist: {outcome}: ")


def test_fetch_quietly_shows_no_progress(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "mnistnn.data.datasets.fetch.fetch", lambda name, force, progress: seen.append((name, force, progress))
    )
    run("fetch", "fashion-mnist", "--force", "-q")
    assert seen == [("fashion-mnist", True, False)]


def test_verify_prints_a_line_per_file(files):
    run("add", "tiny", *files)
    result = run("verify")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [f"ok     tiny/{name}" for name in FILE_NAMES]


def test_verify_of_an_altered_set_fails_with_the_list(files):
    run("add", "tiny", *files)
    (cache.set_folder("tiny") / TRAIN_IMAGES).write_bytes(b"altered")
    result = run("verify", "tiny")
    assert f"FAILED tiny/{TRAIN_IMAGES}" in result.stdout
    assert isinstance(result.exception, DataError)
    assert "has 7 bytes, expected 208" in str(result.exception)


def test_verify_of_a_missing_set_fails():
    assert isinstance(run("verify", "mnist").exception, DataError)


def test_verify_of_an_empty_cache_says_so():
    result = run("verify")
    assert result.exit_code == 0
    assert result.stdout.startswith("no data sets in ")


def test_verify_json_is_one_object(files):
    run("add", "tiny", *files)
    record = json.loads(run("verify", "--json").stdout)
    assert record["schema_version"] == 1
    assert record["files"][0] == {"dataset": "tiny", "file": TRAIN_IMAGES, "ok": True, "problem": None}


def test_show_counts_the_classes_and_draws(files):
    run("add", "tiny", *files)
    lines = run("show", "tiny").stdout.splitlines()
    assert lines[0] == "tiny train: 10 images of 4x4 pixels"  # 12, less a sixth for validation
    assert lines[1:4] == ["   0: 4", "   1: 3", "   2: 3"]
    assert lines[4].startswith("██   ██   ██")
    assert len(lines) == 6


def test_show_json_is_one_object(files):
    run("add", "tiny", *files)
    assert json.loads(run("show", "tiny", "--split", "test", "--json").stdout) == {
        "schema_version": 1,
        "dataset": "tiny",
        "split": "test",
        "examples": 6,
        "image_shape": [4, 4],
        "class_counts": [2, 2, 2],
        "class_names": ["0", "1", "2"],
    }


def test_show_writes_a_contact_sheet(files, tmp_path):
    image = pytest.importorskip("PIL.Image")
    run("add", "tiny", *files)
    result = run("show", "tiny", "--count", "3", "--out", str(tmp_path / "sheet.png"))
    assert result.exit_code == 0
    assert re.search(r"wrote .*sheet\.png", result.stderr)
    with image.open(tmp_path / "sheet.png") as sheet:
        assert (sheet.mode, sheet.size) == ("L", (3 * 6 + 2, 4 + 4))


def test_show_of_a_missing_set_names_the_way_out():
    result = run("show")
    assert isinstance(result.exception, DataError)
    assert "mnistnn data fetch mnist" in str(result.exception)


AUGMENTED = """\
name: bent
data: {dataset: tiny, validation_examples: 3, limits: {train: 7}}
augment: {shift_px: 1}
model: {type: sequential, layers: {output: {type: dense, units: 3}}}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 1}]
"""


@pytest.fixture
def augmented(files, tmp_path):
    run("add", "tiny", *files)
    path = tmp_path / "bent.yaml"
    path.write_text(AUGMENTED)
    return path


def test_show_augment_draws_an_image_beside_distortions_of_it(augmented, monkeypatch):
    monkeypatch.setenv("COLUMNS", "15")
    lines = run("show", "--augment", str(augmented)).stdout.splitlines()
    assert lines[0] == "tiny train: 7 images of 4x4 pixels"
    assert lines[4].startswith("██   ")
    assert len(lines) == 6


def test_show_augment_of_another_set_takes_that(augmented):
    assert run("show", "tiny", "--augment", str(augmented)).stdout.startswith("tiny train: 10 images")


def test_show_augment_writes_rows_of_an_image_and_its_distortions(augmented, tmp_path):
    image = pytest.importorskip("PIL.Image")
    result = run("show", "--augment", str(augmented), "--count", "40", "--out", str(tmp_path / "sheet.png"))
    assert result.exit_code == 0
    with image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (20 * 6 + 2, 2 * 6 + 2)
        pixels = np.asarray(sheet)
    first, second = pixels[2:6, 2:6], pixels[2:6, 8:12]
    assert (first[:, :2] == 255).all()
    assert not np.array_equal(first, second)


def test_show_augment_of_an_experiment_without_is_refused(augmented):
    augmented.write_text(AUGMENTED.replace("augment: {shift_px: 1}\n", ""))
    result = run("show", "--augment", str(augmented))
    assert isinstance(result.exception, UsageError)
    assert "bent distorts no images" in str(result.exception)
    assert result.stdout == ""
