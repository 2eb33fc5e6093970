"""Fitted models and committees in formats of others, held to what mnistnn computes."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mnistnn.data.splits import read_split
from mnistnn.errors import UsageError
from mnistnn.experiment.members import member_run
from mnistnn.experiment.trained import load_trained
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.run.directory import RunDirectory
from tests.analysis.export.test_as_arrays import READERS, each_format

KINDS = ("pairs", "voters", "committee")
ONE = "stopping.max_epochs.epochs=1"


def trained_last(path: str = "run"):
    return load_trained(RunDirectory(Path(path)), "last")


@pytest.fixture
def own(pairs, start):
    """Train a committee of toy nets under these overrides of each, and keep all of them."""

    def train(*members: str, combine: str = "mean", last: str = ""):
        lines = "".join(f"    - {{experiment: toy.yaml, overrides: [{each}, {ONE}]}}\n" for each in members)
        text = "name: own\ndata: {dataset: toy, validation_examples: 60}\nmodel:\n  type: committee\n"
        Path("own.yaml").write_text(f"{text}  combine: {combine}\n  members:\n{lines}{last}")
        start(Path("own.yaml"))
        return trained_last()

    return train


# ONNX.


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("kind", KINDS)
def test_onnx_reads_pixels_as_mnistnn_does(fitted_run, exported, kind, split):
    onnx_check = pytest.importorskip("mnistnn.analysis.export.onnx_check")
    pytest.importorskip("onnxruntime")
    fitted_run(kind)
    check = exported("onnx", out=Path("m.onnx"), checkpoint="last").check
    assert (check.examples, check.images, check.read_differently) == (60, "validation digits", 0)
    trained = trained_last()
    images = read_split(trained.plan.experiment.data, split).images
    scores, *probabilities = onnx_check.run_onnx(Path("m.onnx").read_bytes(), images)
    z = np.concatenate([trained.task.scores(x).copy() for x, _ in trained.batches(split)])
    np.testing.assert_allclose(scores, z, rtol=0, atol=1e-5 * abs(z).max())
    assert len(probabilities) == (kind == "committee")
    for p in probabilities:
        np.testing.assert_allclose(p, trained.task.loss.probabilities(z), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "keys", ["targets: one_hot", "targets: pairwise, combine: limited", "targets: pairwise, combine: sum"]
)
def test_onnx_has_all_ways_to_combine_outputs(pairs, start, exported, keys, dtype):
    pytest.importorskip("onnxruntime")
    start(pairs, f"model={{type: least_squares, ridge: 0.1, {keys}}}", f"backend.dtype={dtype}")
    check = exported("onnx", out=Path("m.onnx")).check
    assert (check.scores_difference <= 1e-5, check.read_differently) == (True, 0)


def test_onnx_has_the_preprocessing_of_a_fitted_model(pairs, start, exported):
    pytest.importorskip("onnxruntime")
    start(pairs, "preprocess=[{type: standardize}, {type: whiten, dimensions: 20}]", "model.ridge=0.1")
    for without_preprocess in (False, True):
        check = exported("onnx", out=Path("m.onnx"), force=True, without_preprocess=without_preprocess).check
        assert check.read_differently == 0


@pytest.mark.parametrize("combine", ["mean", "vote"])
def test_onnx_has_members_each_with_its_own_preprocessing(own, exported, combine):
    pytest.importorskip("onnxruntime")
    fixed = "'preprocess=[{type: contrast_normalize}, {type: pad, shape: 10}]'"
    own(fixed, "'preprocess=[{type: whiten, dimensions: 20}]'", "loss.type=sigmoid_normalized_nll", combine=combine)
    for without_preprocess in (False, True):  # a committee has none itself
        wish = {"out": Path("m.onnx"), "force": True, "checkpoint": "last", "without_preprocess": without_preprocess}
        check = exported("onnx", **wish).check
        assert (check.scores_difference <= 1e-5, check.read_differently) == (True, 0)


def test_onnx_has_members_of_one_output(pairs, start, exported):
    pytest.importorskip("onnxruntime")
    of_two = "'data.labels={pair: [1, 3]}', loss.type=binary_nll, model.layers.output.units=1"
    start(
        *(Path("committee.yaml"), "data.labels={pair: [1, 3]}", "model.combine=mean"),
        f"model.members=[{{experiment: toy.yaml, overrides: [{of_two}]}}]",
    )
    assert exported("onnx", out=Path("m.onnx")).check.read_differently == 0


def test_onnx_refuses_the_preprocessing_of_a_member_that_it_lacks(own, exported):
    pytest.importorskip("onnxruntime")
    own("seed=1", "'preprocess=[{type: deskew}]'")
    for without in (False, True):
        with pytest.raises(UsageError, match=r"preprocess\.0 \(deskew\) of member 2 cannot be written .* own$"):
            exported("onnx", out=Path("m.onnx"), checkpoint="last", without_preprocess=without)
    assert not Path("m.onnx").exists()


def test_onnx_refuses_a_type_of_model_that_it_does_not_know(fitted_run, exported, monkeypatch):
    onnx_models = pytest.importorskip("mnistnn.analysis.export.onnx_models")
    pytest.importorskip("onnxruntime")
    fitted_run("voters")
    monkeypatch.setattr(onnx_models, "MODELS", {k: v for k, v in onnx_models.MODELS.items() if k is not LeastSquares})
    with pytest.raises(UsageError, match="a model of type least_squares cannot be written as ONNX; safetensors takes"):
        exported("onnx", out=Path("m.onnx"))
    assert not Path("m.onnx").exists()


# Arrays by name.


@each_format
def test_arrays_are_enough_to_compute_a_linear_classifier(pairs, start, exported, to):
    start(pairs, "model.targets=one_hot", "preprocess=[{type: standardize}]")
    arrays, about = READERS[to](exported(to, out=Path("m")).path)
    trained, x = trained_last(), np.random.default_rng(0).random((5, 8, 8)).astype(np.float32)
    deviation = np.sqrt(arrays["preprocess.0.variance"] + about["config"]["preprocess"][0]["epsilon"])
    inputs = ((x - arrays["preprocess.0.mean"]) / deviation).reshape(5, -1)
    expected = trained.task.scores(trained.plan.preprocessing.apply(x.copy()))
    np.testing.assert_allclose(inputs @ arrays["W"] + arrays["b"], expected, rtol=1e-4, atol=1e-4)


@each_format
def test_arrays_are_enough_to_compute_a_committee(own, exported, to):
    trained = own("'preprocess=[{type: standardize}]'", "seed=3")
    arrays, about = READERS[to](exported(to, out=Path("m"), checkpoint="last").path)
    x = np.random.default_rng(0).random((5, 8, 8)).astype(np.float32)
    epsilon = about["config"]["model"]["members"][0]["experiment"]["preprocess"][0]["epsilon"]
    deviation = np.sqrt(arrays["1.preprocess.0.variance"] + epsilon)
    total = np.zeros((5, 4))
    for number, inputs in enumerate(((x - arrays["1.preprocess.0.mean"]) / deviation, x), start=1):
        hidden = np.tanh(inputs.reshape(5, -1) @ arrays[f"{number}.hidden.W"] + arrays[f"{number}.hidden.b"])
        e = np.exp(hidden @ arrays[f"{number}.output.W"] + arrays[f"{number}.output.b"])
        total += e / e.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.log(total / 2), trained.task.scores(x), rtol=1e-4, atol=1e-5)


@each_format
def test_names_are_those_of_the_members_that_were_best(fitted_run, exported, to):
    run = fitted_run("voters")
    arrays, about = READERS[to](exported(to, out=Path("m")).path)
    best = int(load_trained(run).epoch)
    assert {name.split(".")[0] for name in arrays} == {str(number) for number in range(1, best + 1)}
    for number in range(best):
        own = load_trained(member_run(run, number)).task.named_arrays()
        assert all(np.array_equal(arrays[f"{number + 1}.{name}"], array) for name, array in own.items())
    assert (about["name"], about["classes"]) == ("voters", ["0", "1", "2", "3"])


@each_format
@pytest.mark.parametrize("kind", KINDS)
def test_second_export_is_the_same_file(fitted_run, exported, to, kind):
    fitted_run(kind)
    assert exported(to, out=Path("a")).sha256 == exported(to, out=Path("b")).sha256


# The course of fitting.


def test_rows_of_several_fitted_runs_are_one_table(fitted_runs, voters, exported):
    written = exported("csv", *(str(fitted_runs(kind)) for kind in KINDS))
    with written.path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["pairs"] + ["voters"] * 3 + ["committee"] * 2
    assert [bool(row["member.error"]) for row in rows] == [False] + [True] * 5


@pytest.mark.parametrize("kind", KINDS)
def test_course_goes_to_tensorboard(fitted_run, exported, kind):
    pytest.importorskip("tensorboard")
    fitted_run(kind)
    assert exported("tensorboard", out=Path("events")).bytes > 100
