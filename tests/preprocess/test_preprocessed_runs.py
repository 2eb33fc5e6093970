"""Preprocessing from the YAML key to the run: fitted once, kept, never fitted again."""

from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.evaluation.results import evaluate
from mnistnn.config.load import load_experiment
from mnistnn.data.splits import read_split
from mnistnn.errors import ConfigError, InterruptedRunError, RunError
from mnistnn.experiment.cost import parts, resident_bytes
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import load_trained
from mnistnn.preprocess.whiten import Whiten
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory
from mnistnn.runner import session
from mnistnn.storage.sealed_tensors import seal

WHITEN = "preprocess=[{type: whiten}]"
CHAIN = (
    "preprocess=[{type: contrast_normalize}, {type: standardize}, {type: whiten, dimensions: 20}, {type: standardize}]"
)


IMAGES = (
    "preprocess=[{type: deskew}, {type: normalize_width, width_px: 6}, {type: blur, sigma_px: 0.5}, "
    "{type: pad, shape: 10}, {type: shrink, shape: [9, 5]}]"
)


@pytest.fixture
def plan_of(toy):
    return lambda *overrides: Plan(load_experiment(toy, overrides))


@pytest.fixture
def saved(toy) -> Path:
    """A transform of 8×8 images with 64 directions."""
    whiten = Whiten(threshold=0.0)
    whiten.build((8, 8))
    whiten.fit(np.random.default_rng(0).normal(size=(200, 8, 8)))
    transforms.write(Path("saved.safetensors"), "whiten", whiten.tensors())
    return Path("saved.safetensors")


def test_model_is_built_for_the_dimensions_that_fitting_keeps(plan_of):
    plan = plan_of("preprocess=[{type: whiten, threshold: 0.022}]")
    assert plan.parameters == 64 * 12 + 12 + 12 * 4 + 4
    training = plan.training()
    kept = training.batches.x.shape[1]
    assert 1 < kept < 64
    assert plan.parameters == len(training.objective.theta) == kept * 12 + 12 + 12 * 4 + 4


def test_dimensions_bound_the_model_before_data_is_read(plan_of):
    assert plan_of("preprocess=[{type: whiten, dimensions: 5}]").preprocessing.out_shape == (5,)


def test_fit_is_to_the_training_split_alone(plan_of):
    plan = plan_of(WHITEN)
    plan.training()
    pixels = read_split(plan.experiment.data, "train").images.reshape(300, -1) / 255
    (_, found), *_ = plan.preprocessing.tensors()
    np.testing.assert_allclose(found["mean"], pixels.mean(axis=0), atol=1e-6)


def test_transforms_are_fitted_to_what_those_before_them_make(plan_of):
    x = plan_of("backend.dtype=float64", CHAIN).training().batches.x
    assert x.shape == (300, 20)
    np.testing.assert_allclose(x.var(axis=0), 1.0, atol=0.02)


def test_whitened_inputs_cannot_be_written(plan_of):
    assert not plan_of(WHITEN).training().batches.x.flags.writeable


def test_run_keeps_its_transforms(toy, start):
    run = start(toy, CHAIN).run
    assert sorted(path.name for path in (run.path / "preprocess").iterdir()) == [
        "0-contrast_normalize.safetensors",
        "1-standardize.safetensors",
        "2-whiten.safetensors",
        "3-standardize.safetensors",
    ]


def test_run_without_preprocessing_has_no_such_folder(toy, start):
    assert not (start(toy).run.path / "preprocess").exists()


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_resumed_run_ends_with_the_same_bits(toy, start, stop_after, assert_same_result, method):
    whiten = f"preprocess=[{{type: whiten, method: {method}}}]"
    start(toy, whiten, path="whole")
    stop_after(25)
    with pytest.raises(InterruptedRunError):
        start(toy, whiten, path="cut")
    session.resume(RunDirectory(Path("cut")), [], session.Verbosity(shown=False))
    assert_same_result("cut", "whole")


def test_nothing_is_fitted_after_the_start(toy, start, monkeypatch):
    run = start(toy, WHITEN).run

    def refit(self, x):
        raise AssertionError("fitted again")

    monkeypatch.setattr(Whiten, "fit", refit)
    session.resume(run, ["stopping.max_epochs.epochs=8"], session.Verbosity(shown=False))
    evaluate(run, "test", "best", print)


def test_evaluation_sees_the_inputs_of_training(toy, start):
    outcome = start(toy, WHITEN)
    assert evaluate(outcome.run, "valid", "best", print).error == outcome.best["valid.error"]


def test_altered_transform_of_a_run_is_refused(toy, start):
    run = start(toy, WHITEN).run
    path = transforms.path_in(run, 0, "whiten")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"0-whiten\.safetensors: altered or damaged"):
        load_trained(run)


def test_lost_transform_of_a_run_is_refused(toy, start):
    run = start(toy, WHITEN).run
    transforms.path_in(run, 0, "whiten").unlink()
    with pytest.raises(RunError, match=r"0-whiten\.safetensors: No such file"):
        session.resume(run, [], session.Verbosity(shown=False))


def test_saved_transform_settles_the_model_before_data_is_read(plan_of, saved):
    plan = plan_of(f"preprocess=[{{type: whiten, file: {saved}, dimensions: 7}}]")
    assert plan.preprocessing.is_settled
    assert plan.parameters == 7 * 12 + 12 + 12 * 4 + 4


def test_run_needs_a_saved_transform_no_more(toy, start, saved):
    outcome = start(toy, f"preprocess=[{{type: whiten, file: {saved}}}]")
    saved.unlink()
    assert evaluate(outcome.run, "valid", "best", print).error == outcome.best["valid.error"]


def test_saved_transform_behind_a_fitted_one_is_checked_when_its_inputs_are_known(plan_of, saved):
    plan = plan_of(f"preprocess=[{{type: whiten, dimensions: 9}}, {{type: whiten, file: {saved}}}]")
    with pytest.raises(ConfigError, match="fitted on other inputs than 9") as caught:
        plan.training()
    assert caught.value.key == "preprocess.1.file"


def broken(path: Path, how: str) -> None:
    tensors = transforms.read(path, "whiten")
    match how:
        case "missing":
            path.unlink()
        case "altered":
            content = path.read_bytes()
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "torn":
            path.write_bytes(path.read_bytes()[:100])
        case "newer":
            path.write_bytes(seal(tensors, transforms.FORMAT + 1, {"type": "whiten"}))
        case "another type":
            transforms.write(path, "standardize", tensors)
        case "a folder":
            path.unlink()
            path.mkdir()
        case "other dimensions":
            transforms.write(path, "whiten", {**tensors, "mean": np.zeros(784)})


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "No such file"),
        ("altered", "altered or damaged"),
        ("torn", "not a whole mnistnn fitted transform"),
        ("newer", "fitted transform format 2; this mnistnn reads format 1"),
        ("another type", "holds a transform of type 'standardize', not whiten"),
        ("a folder", "not a file"),
        ("other dimensions", "fitted on other inputs than 8×8"),
    ],
)
def test_saved_transform_that_cannot_serve_is_refused_at_its_key(plan_of, saved, how, message):
    broken(saved, how)
    with pytest.raises(ConfigError) as caught:
        plan_of(f"preprocess=[{{type: whiten, file: {saved}}}]")
    assert caught.value.key == "preprocess.0.file"
    assert f"{saved}: {message}" in str(caught.value) or f"{saved}: it was {message}" in str(caught.value)


def test_threshold_that_drops_everything_is_refused_at_its_transform(plan_of):
    plan = plan_of("preprocess=[{type: whiten, threshold: 1000.0}]")
    with pytest.raises(ConfigError, match="no direction has a variance above") as caught:
        plan.training()
    assert caught.value.key == "preprocess.0"


@pytest.mark.parametrize(
    ("transforms", "key", "message"),
    [
        ("{type: whiten}, {type: deskew}", "preprocess.1", "deskew needs images"),
        ("{type: deskew}, {type: pad, shape: 7}", "preprocess.1", "images of 8×8 cannot be padded to 7×7"),
        ("{type: shrink, shape: 4}, {type: shrink, shape: 5}", "preprocess.1", "images of 4×4 cannot be shrunk to 5×5"),
        ("{type: normalize_width, width_px: 9}", "preprocess.0", "width 9 do not fit into images of 8×8"),
    ],
)
def test_transform_that_cannot_take_its_inputs_is_refused_before_data_is_read(plan_of, transforms, key, message):
    with pytest.raises(ConfigError, match=message) as caught:
        plan_of(f"preprocess=[{transforms}]")
    assert caught.value.key == key


def test_images_are_redrawn_and_resized_on_their_way_to_the_model(toy, start):
    outcome = start(toy, IMAGES)
    assert load_trained(outcome.run).plan.preprocessing.out_shape == (9, 5)
    assert evaluate(outcome.run, "valid", "best", print).error == outcome.best["valid.error"] < 0.6


def test_memory_is_that_of_the_largest_stage(plan_of):
    plain, padded = plan_of(), plan_of("preprocess=[{type: pad, shape: 16}]")
    parameters = padded.parameters - plain.parameters
    kept = [sum(part.kept for part in parts(plan)) for plan in (plain, padded)]
    pixels = 360 * (16 * 16 - 8 * 8)
    assert resident_bytes(padded) - resident_bytes(plain) == 4 * (pixels + 3 * parameters + kept[1] - kept[0])
    assert resident_bytes(plan_of("preprocess=[{type: whiten, dimensions: 64}]")) == resident_bytes(plain)
    assert resident_bytes(plan_of("preprocess=[{type: shrink, shape: 4}]")) < resident_bytes(plain)


def test_dry_run_says_that_sizes_are_upper_bounds(toy, command):
    out = command("train", toy, WHITEN, "--dry-run").out
    assert "preprocess.0  whiten  64" in out
    assert "at most: preprocess is yet to be fitted" in out


def test_settled_sizes_are_not_called_upper_bounds(toy, command, saved):
    out = command("train", toy, f"preprocess=[{{type: whiten, file: {saved}}}]", "--dry-run").out
    assert "at most" not in out


def test_gradients_are_checked_on_inputs_as_the_model_gets_them(toy, command):
    assert command("inspect", "gradcheck", toy, "preprocess=[{type: whiten, dimensions: 5}]").code == 0
