"""Parameters by name, in safetensors and npz files, read back by programs that know nothing of mnistnn."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from mnistnn.analysis.identification.identify import identify
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory


def read_safetensors(path):
    with safe_open(path, "numpy") as file:
        return load_file(path), json.loads(file.metadata()["mnistnn"])["export"]


def read_npz(path):
    arrays = dict(np.load(path, allow_pickle=False))
    return arrays, json.loads(str(arrays.pop("mnistnn")))


READERS = {"safetensors": read_safetensors, "npz": read_npz}
each_format = pytest.mark.parametrize("to", READERS)


@each_format
def test_arrays_are_enough_to_compute_the_model(toy, start, exported, to):
    start(toy, "preprocess=[{type: standardize}]", "stopping.max_epochs.epochs=2")
    arrays, about = READERS[to](exported(to, out=Path("m")).path)
    trained = load_trained(RunDirectory(Path("run")))
    x = np.random.default_rng(0).random((5, 8, 8)).astype(np.float32)
    expected = trained.plan.task.network.forward(trained.plan.preprocessing.apply(x.copy()), train=False)
    deviation = np.sqrt(arrays["preprocess.0.variance"] + about["config"]["preprocess"][0]["epsilon"])
    x = ((x - arrays["preprocess.0.mean"]) / deviation).reshape(5, -1)
    hidden = np.tanh(x @ arrays["hidden.W"] + arrays["hidden.b"])
    np.testing.assert_allclose(hidden @ arrays["output.W"] + arrays["output.b"], expected, rtol=1e-4, atol=1e-5)
    assert (about["run"], about["classes"]) == ("run", ["0", "1", "2", "3"])


@each_format
def test_statistics_and_shapes_are_there(toy_conv, start, exported, to):
    start(toy_conv, "stopping.max_epochs.epochs=1")
    arrays, _ = READERS[to](exported(to, out=Path("m")).path)
    assert {name: array.shape for name, array in arrays.items()} == {
        "conv.W": (3, 1, 3, 3),
        "conv.b": (3,),
        "norm.gamma": (3,),
        "norm.beta": (3,),
        "norm.mean": (3,),
        "norm.variance": (3,),
        "output.W": (27, 4),
        "output.b": (4,),
    }
    assert {array.dtype for array in arrays.values()} == {np.dtype("float32")}


@each_format
def test_second_export_is_the_same_file(toy, start, exported, to):
    start(toy, "stopping.max_epochs.epochs=1")
    assert exported(to, out=Path("a")).sha256 == exported(to, out=Path("b")).sha256


def test_inspect_knows_an_exported_model_and_its_damage(toy, start, exported):
    start(toy, "stopping.max_epochs.epochs=1")
    path = exported("safetensors").path
    assert (identify(path).kind, identify(path).problem) == ("model", None)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "SHA-256" in (identify(path).problem or "")


def test_two_classes_are_called_by_their_labels(toy, start, exported):
    start(toy, "data.labels={positive: [0, 2]}", "model.layers.output.units=2", "stopping.max_epochs.epochs=1")
    assert read_npz(exported("npz").path)[1]["classes"] == ["not 0 or 2", "0 or 2"]
