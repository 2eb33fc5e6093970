"""The ONNX file of a run, as other programs see it."""

import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.export import onnx_check, onnx_layers
from mnistnn.analysis.export.onnx_check import checked, run_onnx
from mnistnn.config.dump import config_hash
from mnistnn.config.load import load_resolved
from mnistnn.data import source
from mnistnn.data.datasets import cache
from mnistnn.data.splits import read_split
from mnistnn.errors import CheckFailedError, UsageError
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

ONE = "stopping.max_epochs.epochs=1"
FIXED = "preprocess=[{type: contrast_normalize}, {type: blur, sigma_px: 0.5}, {type: pad, shape: 10}]"
FITTED = "preprocess=[{type: standardize}, {type: whiten, dimensions: 20}]"


def outputs_of(path, images):
    return run_onnx(Path(path).read_bytes(), images)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        [FIXED],
        [FITTED],
        ["data.scale=256", "loss.type=sigmoid_normalized_nll"],
        ["loss.type=squared_error"],
        ["averaging={decay: 0.9}"],
        ["model.layers.hidden={type: dropconnect, units: 6}", "backend.dtype=float64"],
    ],
)
def test_pixels_go_in_and_the_answers_of_mnistnn_come_out(toy, start, exported, overrides):
    start(toy, ONE, *overrides)
    check = exported("onnx", out=Path("m.onnx")).check
    trained = load_trained(RunDirectory(Path("run")))
    images = read_split(trained.plan.experiment.data, "valid").images
    examples, loss = trained.plan.place("valid"), trained.plan.task.loss
    z = trained.plan.task.network.forward(examples.x, train=False)
    scores, *probabilities = outputs_of("m.onnx", images)
    np.testing.assert_allclose(scores, z, rtol=0, atol=1e-5 * np.abs(z).max())
    assert (check.examples, check.images, check.read_differently) == (60, "validation digits", 0)
    assert check.scores_difference <= 1e-5
    assert len(probabilities) == (loss.type != "squared_error")
    if probabilities:
        np.testing.assert_allclose(probabilities[0], loss.probabilities(z), atol=1e-5)


@pytest.mark.parametrize("overrides", [[], [FIXED]])
def test_convolutions_read_pixels(toy_conv, start, exported, overrides):
    start(toy_conv, ONE, *overrides)
    check = exported("onnx", out=Path("m.onnx")).check
    assert check.scores_difference <= 1e-5
    assert check.read_differently == 0


def test_two_classes_and_one_output(toy, start, exported):
    start(toy, ONE, "data.labels={pair: [1, 3]}", "loss.type=binary_nll", "model.layers.output.units=1")
    exported("onnx", out=Path("m.onnx"))
    model = onnx.load("m.onnx")
    scores, probabilities = outputs_of("m.onnx", np.zeros((2, 8, 8)))
    assert (scores.shape, probabilities.shape) == ((2, 1), (2, 2))
    assert json.loads({entry.key: entry.value for entry in model.metadata_props}["classes"]) == ["1", "3"]


def test_file_says_what_it_is(toy, start, exported):
    start(toy, ONE)
    exported("onnx", out=Path("m.onnx"))
    model = onnx.load("m.onnx")
    said = {entry.key: entry.value for entry in model.metadata_props}
    record = read_record(RunDirectory(Path("run")))
    assert (said["run"], said["config_hash"], said["epoch"], said["loss"]) == (
        "run",
        record.config_hash,
        "1",
        "softmax_nll",
    )
    assert json.loads(said["classes"]) == ["0", "1", "2", "3"]
    assert "0 to 255" in said["input"] == model.graph.input[0].doc_string
    assert [opset.version for opset in model.opset_import] == [13]
    assert {"hidden.W", "hidden.b", "output.W", "output.b"} <= {each.name for each in model.graph.initializer}
    assert [end.name for end in [*model.graph.input, *model.graph.output]] == ["pixels", "scores", "probabilities"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    onnx.checker.check_model(model, full_check=True)


def test_model_alone_reads_preprocessed_images(toy, start, exported):
    start(toy, ONE, "preprocess=[{type: deskew}, {type: pad, shape: 10}]")
    with pytest.raises(UsageError, match=r"preprocess\.0 \(deskew\) cannot be written in ONNX.*--without-preprocess"):
        exported("onnx", out=Path("m.onnx"))
    assert not Path("m.onnx").exists()
    exported("onnx", out=Path("m.onnx"), without_preprocess=True)
    plan = load_trained(RunDirectory(Path("run"))).plan
    x = plan.place("valid").x
    z = plan.task.network.forward(x, train=False)
    np.testing.assert_allclose(outputs_of("m.onnx", x)[0], z, atol=1e-5)
    assert onnx.load("m.onnx").graph.input[0].name == "inputs"


def test_last_parameters_are_others(toy, start, exported):
    start(toy)
    best, last = (exported("onnx", out=Path(f"{which}.onnx"), checkpoint=which) for which in ("best", "last"))
    epochs = [load_trained(RunDirectory(Path("run")), which).epoch for which in ("best", "last")]
    assert (best.sha256 == last.sha256) == (epochs[0] == epochs[1] == 0)


def test_second_export_is_the_same_file(toy_conv, start, exported):
    start(toy_conv, ONE)
    assert exported("onnx", out=Path("a.onnx")).sha256 == exported("onnx", out=Path("b.onnx")).sha256


def test_wrong_export_is_not_written(toy, start, exported, monkeypatch):
    start(toy, ONE)
    monkeypatch.setitem(onnx_layers.ACTIVATIONS, "tanh", lambda part, x: part.node("Sigmoid", x))
    with pytest.raises(CheckFailedError, match=r"nothing was written: ONNX Runtime .*scores differ by"):
        exported("onnx", out=Path("m.onnx"))
    assert not Path("m.onnx").exists()


def test_wrong_probabilities_are_noticed(toy, start, exported, monkeypatch):
    start(toy, ONE)
    real = onnx_check.run_onnx
    monkeypatch.setattr(onnx_check, "run_onnx", lambda *given: [real(*given)[0], real(*given)[1] + 1e-4])
    with pytest.raises(CheckFailedError, match=r"probabilities by 1\.0e-04"):
        exported("onnx", out=Path("m.onnx"))


def test_scores_that_are_a_little_off_are_noticed(toy, start, exported, monkeypatch):
    start(toy, ONE, "loss.type=squared_error")
    real = onnx_check.run_onnx
    monkeypatch.setattr(onnx_check, "run_onnx", lambda *given: [1.0001 * each for each in real(*given)])
    with pytest.raises(CheckFailedError, match=r"scores differ by 1\.0e-04 of the largest; 0 classified differently"):
        exported("onnx", out=Path("m.onnx"))


def test_scores_that_are_no_numbers_are_noticed(toy, start, exported, monkeypatch):
    start(toy, ONE)
    real = onnx_check.run_onnx
    monkeypatch.setattr(onnx_check, "run_onnx", lambda *given: [np.nan * each for each in real(*given)])
    with pytest.raises(CheckFailedError):
        exported("onnx", out=Path("m.onnx"))


@pytest.mark.parametrize(
    ("overrides", "images", "examples"),
    [
        (["data.validation_examples=0", "checkpoint.monitor=last"], "training digits", 360),
        (["data.stream_above_mb=0"], "validation digits", 60),
    ],
)
def test_check_takes_the_digits_that_there_are(toy, start, exported, overrides, images, examples):
    start(toy, ONE, *overrides)
    check = exported("onnx", out=Path("m.onnx")).check
    assert (check.images, check.examples) == (images, examples)


def test_check_without_the_data_set_takes_random_images(toy, start, exported, monkeypatch):
    start(toy, ONE)
    exported("onnx", out=Path("m.onnx"))
    plan = load_trained(RunDirectory(Path("run"))).plan
    monkeypatch.setattr(cache, "is_stored", lambda name: False)
    check = checked(Path("m.onnx").read_bytes(), plan, without_preprocess=False)
    assert (check.images, check.examples, check.read_differently) == ("random images", 1000, 0)


def test_check_opens_no_test_digit(toy, start, exported, monkeypatch):
    start(toy, ONE)
    asked = []

    def read(data, split):
        asked.append(split)
        return read_split(data, split)

    monkeypatch.setattr(source, "read_split", read)
    exported("onnx", out=Path("m.onnx"))
    assert asked == ["valid"]
    assert not list(Path("run/eval").iterdir())


def test_run_of_a_gpu_is_exported_without_one(toy, start, exported):
    run = start(toy, ONE).run
    run.config.write_text(run.config.read_text().replace("device: cpu", "device: cuda"))
    record = read_record(run)
    record.config_hash = config_hash(load_resolved(run.config).resolved)
    record.write(run)
    assert exported("onnx", out=Path("m.onnx")).check.read_differently == 0
