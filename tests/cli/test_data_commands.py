import json
import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from mnistnn.cli.data import data
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.datasets.stored_set import read_stored
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
        "licence": None,
        "citation": None,
    }


def test_show_says_licence_and_citation_of_a_known_set():
    run("fetch", "bars-and-stripes", "-q")
    known = KNOWN_SETS["bars-and-stripes"]
    record = json.loads(run("show", "bars-and-stripes", "--json").stdout)
    assert (record["licence"], record["citation"]) == (known.licence, known.citation)
    spoken = run("show", "bars-and-stripes", "-v").stdout
    assert known.licence in spoken
    assert known.citation in spoken
    assert known.citation not in run("show", "bars-and-stripes").stdout


def test_list_has_known_sets_and_ones_own(files, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    run("add", "tiny", *files)
    lines = run("list").stdout.splitlines()
    cells = {line.split()[0]: line.split() for line in lines}
    assert [name for name in cells if name in KNOWN_SETS] == list(KNOWN_SETS)
    assert cells["mnist"][1:7] == ["50,000", "10,000", "10,000", "28x28", "10", "no"]
    assert cells["tiny"][1:8] == ["10", "2", "6", "4x4", "3", "0.0", "MB"]
    assert lines[-1].startswith(f"in {cache.datasets_folder()}")


def test_list_json_is_one_object(files):
    run("add", "tiny", *files)
    found = json.loads(run("list", "--json").stdout)
    assert (found["schema_version"], found["folder"]) == (1, str(cache.datasets_folder()))
    by_name = {each["name"]: each for each in found["sets"]}
    assert list(by_name) == [*KNOWN_SETS, "tiny"]
    assert by_name["tiny"] | {"size_bytes": 0} == {
        "name": "tiny",
        "known": False,
        "here": True,
        "size_bytes": 0,
        "problem": None,
        "image_shape": [4, 4],
        "classes": 3,
        "class_names": None,
        "train_examples": 10,
        "validation_examples": 2,
        "test_examples": 6,
        "title": FILE_NAMES[0],
        "licence": None,
        "citation": None,
        "way": "",
    }
    assert by_name["tiny"]["size_bytes"] == sum((cache.set_folder("tiny") / name).stat().st_size for name in FILE_NAMES)
    assert by_name["emnist-letters"]["way"].endswith("run `mnistnn data add emnist-letters gzip.zip`")
    assert by_name["fashion-mnist"]["class_names"][9] == "Ankle boot"


@pytest.mark.parametrize("name", ["mnist", "infinite-mnist", "own"])
def test_list_shows_a_damaged_set(files, name):
    folder = cache.datasets_folder() / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{")
    result = run("list", "-v")
    assert result.exit_code == 0
    assert f"{name}: {folder / 'manifest.json'}: is not a valid manifest" in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if line.startswith(f"{name} ")]
    assert "damaged" in line


def test_rm_removes_what_is_named_without_asking_if_told_so(files):
    run("add", "tiny", *files)
    run("add", "other", *files)
    result = run("rm", "tiny", "--yes")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"removed {cache.set_folder('tiny')}\n"
    assert cache.stored_names() == ["other"]


def test_rm_asks_nobody_where_nobody_is(files):
    run("add", "tiny", *files)
    assert "--yes removes without asking" in str(run("rm", "tiny").exception)
    assert cache.stored_names() == ["tiny"]


def test_rm_removes_a_damaged_set(files):
    run("add", "tiny", *files)
    (cache.set_folder("tiny") / "manifest.json").write_text("{")
    assert run("rm", "tiny", "--yes").exit_code == 0
    assert cache.stored_names() == []


def test_rm_of_a_set_that_is_not_here_removes_nothing(files):
    run("add", "tiny", *files)
    error = run("rm", "tiny", "tinny", "--yes").exception
    assert isinstance(error, UsageError)
    assert "no data set 'tinny'" in str(error)
    assert "did you mean 'tiny'?" in str(error)
    assert cache.stored_names() == ["tiny"]


@pytest.fixture
def squares(tmp_path):
    """A set `squares` of 8x8 pixels, in the cache, whose classes have names."""
    rng = np.random.default_rng(0)
    images = np.zeros((30, 8, 8), dtype=np.uint8)
    images[:, 2:6, 2:6] = rng.integers(100, 256, (30, 4, 4))
    labels = (np.arange(30) % 2).astype(np.uint8)
    named = replace(
        image_set(LabelledImages(images[:24], labels[:24]), LabelledImages(images[24:], labels[24:]), "x"),
        class_names=("even", "odd"),
    )
    with cache.locked("squares"):
        cache.install("squares", named, dict.fromkeys(FILE_NAMES, "a test"))
    return named


def test_generate_corrupts_test_images_only(squares):
    result = run("generate", "--from", "squares", "--corrupt", "brightness", "--severity", "1")
    assert result.exit_code == 0
    assert result.stdout.startswith("squares-brightness: 6 test images of squares with brightness: ")
    made = read_stored("squares-brightness")
    np.testing.assert_array_equal(made.train.images, squares.train.images)
    expected = np.rint(np.minimum(squares.test.images + 25.5, 255))
    assert np.abs(made.test.images - expected).max() <= 1
    np.testing.assert_array_equal(made.test.labels, squares.test.labels)
    manifest = read_manifest(cache.set_folder("squares-brightness"))
    assert manifest.class_names == ("even", "odd")
    assert manifest.validation_examples == 4
    assert (
        manifest.files[TRAIN_IMAGES].origin == "generated from squares: brightness, severity 1, seed 0, of test images"
    )


def test_generate_corrupts_the_other_images_if_told_so(squares):
    run("generate", "bright", "--from", "squares", "--corrupt", "shot_noise", "--corrupt-train", "--seed", "3")
    run("generate", "again", "--from", "squares", "--corrupt", "shot_noise", "--corrupt-train", "--seed", "3")
    first, second = read_stored("bright"), read_stored("again")
    assert (first.train.images != squares.train.images).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(first.train.images, second.train.images)
    assert not (first.train.images[:6] == first.test.images).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corrupt", "fogg"], "unknown corruption 'fogg'; did you mean 'fog'?"),
        (["--corrupt", "stripe", "--severity", "2"], "stripe has one strength only"),
        (["--severity", "2"], "--severity is an option of --corrupt KIND"),
        (["--corrupt-train"], "--corrupt-train is an option of --corrupt KIND"),
        (["--corrupt", "fog", "--count", "7"], "--count is for further images"),
        (["squares", "--corrupt", "fog"], "squares: names a set that is there to be the source"),
        (["mnist", "--corrupt", "fog"], "mnist: names a set that is there to be the source"),
    ],
)
def test_generate_refuses_what_does_not_fit_together(squares, arguments, message):
    error = run("generate", "--from", "squares", *arguments).exception
    assert isinstance(error, UsageError)
    assert message in str(error)
    assert cache.stored_names() == ["squares"]


def test_generate_of_too_small_images_is_refused(files):
    run("add", "tiny", *files)
    error = run("generate", "--from", "tiny", "--corrupt", "fog").exception
    assert isinstance(error, UsageError)
    assert "tiny: its images are too small to be corrupted; 8 pixels a side are needed" in str(error)


def test_generate_replaces_a_set_only_if_told_so(squares):
    arguments = ["generate", "--from", "squares", "--corrupt", "scale"]
    assert run(*arguments).exit_code == 0
    assert "--force replaces it" in str(run(*arguments).exception)
    assert run(*arguments, "--force").exit_code == 0


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
