"""Every layer, activation, loss and transform as ONNX nodes: ONNX Runtime must compute what mnistnn computes.

Parts come from the tables of `tests/test_registry.py`, so that a new one is tried here too.
"""

from typing import Any, get_args

import numpy as np
import pytest

from mnistnn.analysis.export.onnx_check import run_onnx
from mnistnn.analysis.export.onnx_graph import Graph, Part
from mnistnn.analysis.export.onnx_inputs import REFUSED, TRANSFORMS, add_transform
from mnistnn.analysis.export.onnx_layers import ACTIVATIONS, LAYERS, add_layers
from mnistnn.analysis.export.onnx_outputs import PROBABILITIES, add_probabilities
from mnistnn.layers import Layer
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.activations import ActivationName
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropout import Dropout
from mnistnn.layers.flatten import Flatten
from mnistnn.layers.gru import GRU
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.pool import Pool
from mnistnn.losses import Loss
from mnistnn.models.sequential import Sequential
from mnistnn.preprocess import Preprocess
from mnistnn.preprocess.blur import Blur
from mnistnn.preprocess.contrast import ContrastNormalize
from mnistnn.preprocess.features import Features
from mnistnn.preprocess.pad import Pad
from mnistnn.preprocess.quadratic import Quadratic
from mnistnn.preprocess.scan import Scan
from mnistnn.preprocess.shrink import Shrink
from mnistnn.preprocess.standardize import Standardize
from mnistnn.preprocess.transpose import Transpose
from mnistnn.preprocess.whiten import Whiten
from tests.test_registry import IMAGE, LOSSES, built, chain_of, each_chain, each_loss, members
from tests.test_registry_of_training import fit

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

TOLERANCE = 2e-6  # of the largest number: some units of float32's last place, 6e-8, for sums of up to 200 terms

# What the chains of one layer twice leave out.
MODELS: dict[str, tuple[Any, Any]] = {
    "units-normalized": (
        (2, 3),
        {"hidden": Dense(units=4), "norm": BatchNorm(), "f": ActivationLayer(activation="relu")},
    ),
    "maps-normalized": ((2, 7, 6), {"conv": Conv(maps=3, kernel=[3, 2]), "norm": BatchNorm(epsilon=1e-3)}),
    "pixels-normalized": ((5, 4), {"norm": BatchNorm(), "conv": Conv(maps=2, kernel=2)}),
    "row-normalized": ((2, 3, 3), {"flat": Flatten(), "norm": BatchNorm()}),
    "largest-of-all": ((9, 7), {"conv": Conv(maps=3, kernel=3, stride=2), "pool": Pool(size="whole")}),
    "mean-of-all": ((3, 4, 5), {"pool": Pool(reduce="mean", size="whole"), "output": Dense(units=2)}),
    "pool-of-pixels": ((5, 7), {"pool": Pool(size=[2, 3], stride=[1, 2]), "mean": Pool(reduce="mean", size=2)}),
    "rest-of-a-pool": ((8, 9), {"conv": Conv(maps=2, kernel=2, pool=[3, 2], padding=[2, 1], activation="relu")}),
    "stride-beyond-the-end": ((8, 9), {"conv": Conv(maps=2, kernel=3, stride=[3, 2], padding=1), "flat": Flatten()}),
    "last-step": ((6, 3), {"lower": LSTM(units=4, output="every"), "upper": GRU(units=3), "output": Dense(units=2)}),
    "last-step-of-both-ways": (
        (6, 3),
        {"lower": LSTM(units=4, peepholes=True, bidirectional=True), "output": Dense(units=2)},
    ),
    "names-of-its-own": ((4,), {"pixels": Dense(units=3), "scores": Dropout(), "scale": Dense(units=2)}),
}


def random_model(model, in_shape):
    """Give a model random parameters that float32 has, and statistics as a training might leave them.

    It computes in float64, so that all rounding is that of ONNX Runtime.
    """
    rng, _ = np.random.default_rng(3), model.build(in_shape)
    model.allocate(np, "float64")
    for name, view in model.views(model.values).items():
        drawn = rng.uniform(0.5, 2.0, view.shape) if name.endswith("variance") else rng.normal(size=view.shape)
        view[...] = drawn.astype(np.float32)
    return model


def model_by_onnx(model, in_shape, x):
    graph, out_shape = Graph(), list(model.shapes.values())[-1]
    graph.node("y", "Identity", [add_layers(model, graph, "x", in_shape)])
    (y,) = run_onnx(graph.encoded({"x": (in_shape, "")}, {"y": (out_shape, "")}, {}), x)
    return y


def assert_close(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize("n", [1, 5])
@each_chain
def test_chain_gives_what_mnistnn_computes(case, f, n):
    model = random_model(chain_of(case, f), IMAGE)
    x = np.random.default_rng(n).normal(size=(n, *IMAGE)).astype(np.float32)
    assert_close(model_by_onnx(model, IMAGE, x), model.forward(x.astype(np.float64), train=False))


@pytest.mark.parametrize("name", MODELS)
def test_model_gives_what_mnistnn_computes(name):
    in_shape, layers = MODELS[name]
    model = random_model(Sequential(layers=layers), in_shape)
    x = np.random.default_rng(8).normal(size=(5, *in_shape)).astype(np.float32)
    assert_close(model_by_onnx(model, in_shape, x), model.forward(x.astype(np.float64), train=False))


@each_loss
def test_probabilities_are_those_of_the_loss(kind):
    loss, outputs, graph = built(kind), LOSSES[kind][0], Graph()
    z = np.random.default_rng(2).normal(size=(6, outputs)).astype(np.float32)
    z = np.concatenate([z, 30 * z, np.full((1, outputs), -80), np.zeros((1, outputs))]).astype(np.float32)
    p = add_probabilities(loss, Part(graph, "loss", (outputs,)), "z")
    if p is None:
        assert not kind.has_probabilities
        return
    graph.node("p", "Identity", [p])
    (found,) = run_onnx(graph.encoded({"z": ((outputs,), "")}, {"p": ((LOSSES[kind][1],), "")}, {}), z)
    assert_close(found, loss.probabilities(z))


@pytest.mark.parametrize("in_shape", [(6, 5), (2, 6, 5)])
@pytest.mark.parametrize(
    "transform",
    [
        Whiten(epsilon=1e-2, dimensions=7),
        Whiten(method="zca", epsilon=1e-2),
        Standardize(),
        ContrastNormalize(),
        Pad(shape=[9, 6]),
        Pad(shape=[6, 5]),
        Shrink(shape=4),
        Shrink(shape=[6, 2]),
        Scan(pixels=5),
        Scan(permutation=1),
        Quadratic(),
        Quadratic(linear=False),
        Blur(sigma_px=0.7),
        Transpose(),
        Features(file="machine.safetensors"),
    ],
    ids=lambda transform: transform.type,
)
def test_transform_gives_what_mnistnn_computes(transform, in_shape):
    x = np.random.default_rng(5).random((200, *in_shape)).astype(np.float32)
    transform.build(in_shape)
    fit(transform, x)
    graph = Graph()
    graph.node("y", "Identity", [add_transform(transform, Part(graph, "preprocess.0", in_shape), "x")])
    (found,) = run_onnx(graph.encoded({"x": (in_shape, "")}, {"y": (transform.out_shape, "")}, {}), x[:7])
    assert_close(found, transform.apply(x[:7].copy()))


@pytest.mark.parametrize(
    ("registered", "known", "place"),
    [
        (members(Layer), LAYERS, "LAYERS of onnx_layers.py"),
        (members(Loss), PROBABILITIES, "PROBABILITIES of onnx_outputs.py"),
        (members(Preprocess), [*TRANSFORMS, *REFUSED], "TRANSFORMS or REFUSED of onnx_inputs.py"),
        (get_args(ActivationName), ACTIVATIONS, "ACTIVATIONS of onnx_layers.py"),
    ],
    ids=["layers", "losses", "transforms", "activations"],
)
def test_every_part_can_be_exported_or_is_refused_by_name(registered, known, place):
    missing = [getattr(part, "__name__", part) for part in registered if part not in known]
    assert not missing, f"say what {', '.join(map(str, missing))} is in ONNX: in {place}"
