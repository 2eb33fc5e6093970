"""Whole runs on sequences: numbers that are told, labels at each step, series of different lengths, images in steps."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows

NUMBERS = """\
name: sums
data: {sequences: {type: adding, steps: 6, train: 300, valid: 60, test: 80}}
model:
  type: sequential
  layers:
    memory: {type: lstm, units: 12}
    output: {type: dense, units: 1}
loss: {type: mean_squared_error}
batches: {size: 30}
optimizer: {type: adam, learning_rate: 0.02, clip_norm: 1.0}
stopping: [{type: max_epochs, epochs: 6}]
checkpoint: {monitor: valid.loss}
"""
LABELS = """\
name: copies
data: {sequences: {type: copy, symbols: 3, length: 2, delay: 2, train: 300, valid: 60, test: 80}}
model:
  type: sequential
  layers:
    memory: {type: gru, units: 16, output: every}
    output: {type: dense, units: 4, each_step: true}
batches: {size: 30}
optimizer: {type: adam, learning_rate: 0.02}
stopping: [{type: max_epochs, epochs: 6}]
"""
SERIES = """\
name: calls
data: {sequences: {type: csv, path: series.csv, label: kind, series: id, valid: 0.2, test: 0.2}}
model:
  type: sequential
  layers:
    lower: {type: recurrent, units: 8, output: every, bidirectional: true}
    upper: {type: lstm, units: 8, peepholes: true}
    output: {type: dense, units: 2}
batches: {size: 10}
optimizer: {type: adam, learning_rate: 0.02}
stopping: [{type: max_epochs, epochs: 6}]
"""
FORECAST = """\
name: forecast
data: {sequences: {type: csv, path: wave.csv, window: 10}}
model:
  type: sequential
  layers:
    memory: {type: lstm, units: 12, output: every}
    output: {type: dense, units: 1, each_step: true}
loss: {type: mean_squared_error}
batches: {size: 8}
optimizer: {type: adam, learning_rate: 0.02}
stopping: [{type: max_epochs, epochs: 10}]
checkpoint: {monitor: valid.loss}
"""
CARRIED = (
    FORECAST.replace("window: 10", "window: 10, stride: 5")
    .replace("units: 12,", "units: 12, carry: 5,")
    .replace("{size: 8}", "{size: 8, order: lanes}")
)
IMAGES = """\
name: pixels
data: {dataset: toy, validation_examples: 60}
preprocess: [{type: scan, pixels: 4, permutation: 1}]
model:
  type: sequential
  layers:
    memory: {type: gru, units: 8, truncate: 5}
    output: {type: dense, units: 4}
batches: {size: 30}
optimizer: {type: adam, learning_rate: 0.01}
stopping: [{type: max_epochs, epochs: 6}]
"""
EXPERIMENTS = {
    "numbers": NUMBERS,
    "labels": LABELS,
    "series": SERIES,
    "forecast": FORECAST,
    "carried": CARRIED,
    "images": IMAGES,
}
each_kind = pytest.mark.parametrize("kind", EXPERIMENTS)


@pytest.fixture
def experiments(toy, monkeypatch, tmp_path) -> Path:
    """The folder with an experiment of each kind, and the files that they read."""
    rng, folder = np.random.default_rng(0), toy.parent
    lines = ["id,kind,x,y"]
    for number in range(60):
        rises = int(rng.integers(2))
        for s in range(int(rng.integers(2, 9))):
            lines.append(f"{number},{'up' if rises else 'down'},{(2 * rises - 1) * s + rng.normal()},{rng.normal()}")
    Path("series.csv").write_text("\n".join(lines) + "\n")
    wave = np.sin(np.arange(400) / 3.0)
    Path("wave.csv").write_text("value\n" + "\n".join(map(repr, wave.tolist())) + "\n")
    for kind, text in EXPERIMENTS.items():
        (folder / f"{kind}.yaml").write_text(text)
    return Path(folder)


@pytest.mark.parametrize("updates", [1, 7])
@each_kind
def test_run_stopped_after_any_update_has_the_same_bits(
    experiments, command, stop_after, assert_same_result, kind, updates
):
    config = experiments / f"{kind}.yaml"
    assert command("train", config, "--run-dir", "reference", "-q").code == 0
    stop_after(updates)
    assert command("train", config, "--run-dir", "run", "-q").code == 143
    assert command("resume", "run", "-q").code == 0
    assert_same_result("run", "reference")


@each_kind
def test_run_learns_and_is_verified_shown_and_measured(experiments, command, kind):
    config = experiments / f"{kind}.yaml"
    assert command("train", config, "--run-dir", "run", "-q").code == 0
    rows = read_rows(RunDirectory(Path("run")).metrics)
    assert rows[-1]["train.loss"] < rows[0]["train.loss"]
    assert ("valid.error" in rows[0]) == (kind not in ("numbers", "forecast", "carried"))
    for verb in ("eval", "show", "verify", "diff"):
        done = command(verb, "run", *(["run"] if verb == "diff" else []))
        assert done.code == 0, (verb, done.err)
    assert command("inspect", "summary", config).code == 0
    assert command("train", config, "--dry-run").code == 0


def test_numbers_are_measured_by_their_squares(experiments, command):
    assert command("train", experiments / "numbers.yaml", "--run-dir", "run", "-q").code == 0
    found = json.loads(command("eval", "run", "--json").out)
    plan = load_trained(RunDirectory(Path("run"))).plan
    assert isinstance(plan.task.criterion, MeanSquaredError)
    placed = plan.place("test")
    told = plan.task.network.forward(placed.x, train=False)
    assert found["loss"] == pytest.approx(((told - placed.labels) ** 2).mean(), rel=1e-5)
    assert found["of_mean"] == pytest.approx(placed.labels.var(), rel=1e-4)
    assert found["explained"] == pytest.approx(1 - found["loss"] / found["of_mean"], rel=1e-9)
    assert (found["examples"], found["numbers"], found["test_readings"]) == (80, 80, 1)
    assert f"test mean squared error {found['loss']:.5g} on 80" in command("show", "run").out


def test_expected_loss_is_held_against_the_run(experiments, command):
    for name, band, code in (("good", "[0, 1]", 0), ("bad", "[0, 1e-9]", 9)):
        override = f"expect.test_loss={band}"
        assert command("train", experiments / "numbers.yaml", override, "--run-dir", name, "-q").code == 0
        assert command("eval", name, "--expect").code == code


def test_labels_of_all_steps_are_counted(experiments, command):
    assert command("train", experiments / "labels.yaml", "--run-dir", "run", "-q").code == 0
    found = json.loads(command("eval", "run", "--json").out)
    assert found["examples"] == 80 * 6
    assert np.sum(found["confusion"]) == 80 * 6
    plan = load_trained(RunDirectory(Path("run"))).plan
    placed = plan.place("test")
    read = plan.task.network.forward(placed.x, train=False).argmax(axis=2)
    assert found["errors"] == int((read != placed.labels).sum())


def test_series_of_different_lengths_come_with_a_mark_where_they_are(experiments, command):
    assert command("train", experiments / "series.yaml", "--run-dir", "run", "-q").code == 0
    plan = load_trained(RunDirectory(Path("run"))).plan
    x, (steps, features) = np.asarray(plan.place("valid").x), plan.in_shape
    assert x.shape[1:] == (steps, features + 1)
    there = x[..., -1]
    assert set(np.unique(there)) == {0.0, 1.0}
    assert (np.diff(there, axis=1) <= 0).all()
    assert not x[there == 0].any()


def test_file_of_a_series_is_part_of_the_provenance(experiments, command):
    assert command("train", experiments / "forecast.yaml", "--run-dir", "run", "-q").code == 0
    environment = json.loads(Path("run/environment.json").read_text())
    assert "wave.csv" in json.dumps(environment)


@pytest.mark.parametrize(
    ("kind", "overrides", "said"),
    [
        ("numbers", ["loss={type: softmax_nll}"], "softmax_nll is for classes, and these data have numbers"),
        (
            "labels",
            ["loss={type: mean_squared_error}"],
            "is for numbers, and these data have classes",
        ),
        ("numbers", ["checkpoint.monitor=valid.error"], "this is a regression, so there is no valid.error"),
        ("numbers", ["evaluation.train_error=true"], "this is a regression, so there are no errors"),
        ("numbers", ["batches.order=stratified"], "needs a class for each example"),
        ("numbers", ["batches.chunk=10"], "is for examples that each have one class"),
        ("numbers", ["augment={shift_px: 1}"], "distorts images, and these are sequences"),
        ("numbers", ["model.layers.output.units=2"], "needs an output for each number: 1, but this layer gives 2"),
        ("labels", ["model.layers.memory.output=last"], "each_step is for sequences"),
        ("labels", ["model.layers.output.each_step=false"], "each step has a label, and the model gives 4 at the end"),
        ("labels", ["stopping=[{type: significance_patience, updates: 10}]"], "here each step is"),
        ("labels", ["data.labels={positive: [0]}"], "labels: makes two classes of those of images"),
        (
            "series",
            ["model.layers.lower={type: dense, units: 3}"],
            "are read by recurrent layers, and this one is dense",
        ),
        (
            "series",
            ["model={type: autoencoder, hidden: 3}", "loss={type: reconstruction}"],
            "learns from images, and these are",
        ),
        ("forecast", ["data.sequences.path=waves.csv"], "waves.csv"),
        ("forecast", ["data.sequences.window=1000"], "a window of 1000 rows, with targets 1 later, needs 1001 rows"),
        ("images", ["model.layers.memory.carry=5"], "is for windows of a series"),
        ("carried", ["model.layers.memory.carry=4"], "carry: 4, but windows move by 5 steps"),
        ("carried", ["batches.order=permute"], "needs batches that go on in each place: order: lanes"),
        ("carried", ["batches.size=full"], "order lanes: goes through all examples in order"),
        ("images", ["model.layers.memory.truncate=50"], "truncate: 50 is more than the 16 steps"),
        (
            "images",
            ["optimizer={type: l_bfgs}", "batches.size=full"],
            "needs the gradient of the values that it sees, and truncate leaves a part of it out",
        ),
        ("images", ["preprocess.0.pixels=5"], "cannot be read 5 at a time"),
        (
            "numbers",
            ["optimizer={type: hessian_free}", "batches.size=full"],
            "which lstm does not have",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_nothing_written(experiments, command, kind, overrides, said):
    extra = ["checkpoint.monitor=valid.loss"] if "autoencoder" in str(overrides) else []
    done = command("train", experiments / f"{kind}.yaml", *overrides, *extra, "--run-dir", "run")
    assert done.code in (2, 3), done.err
    assert said in done.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "errors", "run"),
        ("inspect", "confusion", "run"),
        ("export", "run", "--to", "onnx"),
        ("predict", "run", "digit.png"),
        ("eval", "run", "--mc-samples", "3"),
    ],
)
@pytest.mark.parametrize("kind", ["numbers", "labels"])
def test_what_needs_images_or_one_class_is_refused(experiments, command, kind, arguments):
    from PIL import Image

    Image.fromarray(np.full((40, 40), 255, np.uint8)).save("digit.png")
    assert command("train", experiments / f"{kind}.yaml", "--run-dir", "run", "-q").code == 0
    done = command(*arguments)
    assert done.code == 2, done.err


def test_forecast_is_drawn_printed_and_written_as_json(experiments, command):
    assert command("train", experiments / "forecast.yaml", "--run-dir", "run", "-q").code == 0
    found = json.loads(command("inspect", "forecast", "run", "--sequences", "2", "--json").out)
    plan = load_trained(RunDirectory(Path("run"))).plan
    placed = plan.place("valid")
    in_file = np.sin(np.arange(400) / 3.0)  # 280 rows to train on, 60 to validate, 60 to test
    true = in_file[281:301].reshape(2, 10)
    told = in_file[:280].mean() + in_file[:280].std() * plan.task.network.forward(placed.x[:2], train=False)[:, :, 0]
    np.testing.assert_allclose(found["told"], told, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found["true"], true, rtol=1e-5, atol=1e-6)
    assert found["error"] == pytest.approx(np.sqrt(((told - true) ** 2).mean()), rel=1e-4)
    assert found["name"] == "value"
    text = command("inspect", "forecast", "run").out
    assert "root mean squared error of value" in text
    assert "predicted" in text
    assert "true" in text
    assert command("inspect", "forecast", "run", "--split", "test", "--out", "f.svg").code == 0
    first = Path("f.svg").read_bytes()
    assert command("inspect", "forecast", "run", "--split", "test", "--out", "f.svg").code == 2
    assert command("inspect", "forecast", "run", "--split", "test", "--out", "f.svg", "--force").code == 0
    assert Path("f.svg").read_bytes() == first
    assert len(Path("run/eval/test-readings.jsonl").read_text().splitlines()) == 2
    done = command("inspect", "forecast", "run", "--number", "1")
    assert (done.code, "predicts 1 at each step" in done.err) == (2, True)


def test_forecast_of_what_tells_none_is_refused(experiments, command):
    assert command("train", experiments / "numbers.yaml", "--run-dir", "run", "-q").code == 0
    done = command("inspect", "forecast", "run")
    assert (done.code, "predicts no numbers at the steps of a sequence" in done.err) == (2, True)


@pytest.mark.parametrize("kind", ["numbers", "labels", "series", "forecast"])
def test_gradients_are_checked_on_sequences_too(experiments, command, kind):
    done = command("inspect", "gradcheck", experiments / f"{kind}.yaml")
    assert done.code == 0, done.out + done.err


def test_gradient_that_is_cut_off_is_not_checked(experiments, command):
    done = command("inspect", "gradcheck", experiments / "images.yaml")
    assert (done.code, "its gradient is cut off (truncate)" in done.err) == (2, True)


def test_units_above_sequences_of_different_lengths_are_watched(experiments, command):
    layer = "model.layers.between={type: dense, units: 5, activation: relu, before: output}"
    assert command("train", experiments / "series.yaml", layer, "--epochs", 1, "--run-dir", "run").code == 0
    done = command("inspect", "dead-units", "run")
    assert (done.code, "between, dense, relu: 5 units" in done.out) == (0, True), done
