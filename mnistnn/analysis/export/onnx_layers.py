"""Each layer as ONNX nodes: what it computes when it is used, not in training.

A layer that is not in the table cannot be exported; a test asks for it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mnistnn.analysis.export.onnx_graph import Graph, Part
from mnistnn.errors import UsageError
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.activations import ActivationName
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.layers.flatten import Flatten
from mnistnn.layers.gru import GRU
from mnistnn.layers.images import pair
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.pool import Pool
from mnistnn.layers.recurrent import Recurrent
from mnistnn.layers.recurrent_base import BACK, RecurrentBase
from mnistnn.models.sequential import Sequential
from mnistnn.types import Shape


def _linear(_part: Part, x: str) -> str:
    return x


def _sigmoid(part: Part, x: str) -> str:
    return part.node("Sigmoid", x)


def _tanh(part: Part, x: str) -> str:
    return part.node("Tanh", x)


def _scaled_tanh(part: Part, x: str) -> str:
    """1.7159 tanh(2/3 x). The operator ScaledTanh was never more than experimental."""
    inside = part.node("Mul", x, part.constant("two_thirds", 2.0 / 3.0))
    return part.node("Mul", part.node("Tanh", inside), part.constant("1.7159", 1.7159))


def _relu(part: Part, x: str) -> str:
    return part.node("Relu", x)


def _leaky_relu(part: Part, x: str) -> str:
    return part.node("LeakyRelu", x, attributes={"alpha": 0.01})


def _softplus(part: Part, x: str) -> str:
    return part.node("Softplus", x)


ACTIVATIONS: dict[ActivationName, Callable[[Part, str], str]] = {
    "linear": _linear,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "scaled_tanh": _scaled_tanh,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "softplus": _softplus,
}


# The same inside of ONNX's RNN, and its settings.
_OF_RECURRENT: dict[ActivationName, tuple[str, dict[str, float]]] = {
    "linear": ("Affine", {"activation_alpha": 1.0, "activation_beta": 0.0}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "scaled_tanh": ("ScaledTanh", {"activation_alpha": 1.7159, "activation_beta": 2.0 / 3.0}),
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"activation_alpha": 0.01}),
    "softplus": ("Softplus", {}),
}


def _activation(layer: ActivationLayer, part: Part, x: str) -> str:
    return ACTIVATIONS[layer.activation](part, x)


def _dense(layer: Dense, part: Part, x: str) -> str:
    if layer.each_step:  # Gemm has no axis of steps
        z = part.node("Add", part.node("MatMul", x, part.learned("W")), part.learned("b"))
    else:
        z = part.node("Gemm", part.rows(x), part.learned("W"), part.learned("b"))
    return ACTIVATIONS[layer.activation](part, z)


def _dropconnect(layer: DropConnect, part: Part, x: str) -> str:
    """As a dense layer with the mean weights, W · keep."""
    W = part.constant("mean_W", part.arrays["W"] * layer.keep)
    z = part.node("Gemm", part.rows(x), W, part.learned("b"))
    return ACTIVATIONS[layer.activation](part, z)


def _conv(layer: Conv, part: Part, x: str) -> str:
    """Convolution, bias, pool, activation. The bias increases, so that before the pool it gives the same numbers."""
    W = part.arrays["W"]  # (maps, channels, kh, kw)
    kernels = part.constant("turned_W", W[:, :, ::-1, ::-1]) if layer.flipped else part.learned("W")
    attributes = {"strides": pair(layer.stride), "pads": 2 * pair(layer.padding), "kernel_shape": W.shape[2:]}
    z = part.node("Conv", part.images(x), kernels, part.learned("b"), attributes=attributes)
    if layer.pool is not None:
        size = pair(layer.pool)
        z = part.node("MaxPool", z, attributes={"kernel_shape": size, "strides": size})
    return ACTIVATIONS[layer.activation](part, z)


def _pool(layer: Pool, part: Part, x: str) -> str:
    images = part.images(x)
    if layer.size == "whole":
        pooled = part.node("GlobalMaxPool" if layer.reduce == "max" else "GlobalAveragePool", images)
        return part.node("Flatten", pooled, attributes={"axis": 1})
    attributes = {"kernel_shape": layer.window.size, "strides": layer.window.stride}
    return part.node("MaxPool" if layer.reduce == "max" else "AveragePool", images, attributes=attributes)


def _batch_norm(layer: BatchNorm, part: Part, x: str) -> str:
    """With the running averages. Features are units, pixels of images without channels, or channels."""
    learned = [part.learned(name) for name in ("gamma", "beta", "mean", "variance")]
    x = x if layer.is_of_images else part.rows(x)
    y = part.node("BatchNormalization", x, *learned, attributes={"epsilon": layer.epsilon})
    return part.reshaped(y, part.in_shape) if len(part.in_shape) == 2 else y


def _dropout(_layer: Dropout, _part: Part, x: str) -> str:
    """Nothing: what is kept is scaled in training."""
    return x


def _recurrent(layer: Recurrent, part: Part, x: str) -> str:
    f, settings = _OF_RECURRENT[layer.activation]
    directions = len(layer.directions)
    attributes = {"activations": [f] * directions, **{key: [value] * directions for key, value in settings.items()}}
    return _through_time("RNN", layer, part, x, [0], attributes)


def _lstm(layer: LSTM, part: Part, x: str) -> str:
    return _through_time("LSTM", layer, part, x, [0, 2, 1, 3], {})


def _gru(layer: GRU, part: Part, x: str) -> str:
    return _through_time("GRU", layer, part, x, [1, 0, 2], {"linear_before_reset": 1})


def _through_time(
    operator: str,
    layer: RecurrentBase,
    part: Part,
    x: str,
    order: list[int],
    attributes: Mapping[str, Any],
) -> str:
    """One of ONNX's operators through time. Gates are in another order there, W and U transposed, biases two."""
    units, gates = layer.units, layer.gates
    directions = [""] if not layer.bidirectional else ["", BACK]

    def in_order(a: np.ndarray) -> np.ndarray:
        return np.concatenate([np.split(a, gates, axis=-1)[k] for k in order], axis=-1)

    def both(make: Callable[[str], np.ndarray]) -> np.ndarray:
        return np.stack([make(prefix) for prefix in directions])

    def biases(prefix: str) -> np.ndarray:
        inside = np.zeros(gates * units)
        if f"{prefix}c" in part.arrays:  # of what the reset gate scales
            inside[-units:] = part.arrays[f"{prefix}c"]
        return np.concatenate([in_order(part.arrays[f"{prefix}b"]), inside])

    inputs = [
        part.node("Transpose", x, attributes={"perm": [1, 0, 2]}),
        part.constant("turned_W", both(lambda direction: in_order(part.arrays[f"{direction}W"]).T)),
        part.constant("turned_U", both(lambda direction: in_order(part.arrays[f"{direction}U"]).T)),
        part.constant("biases", both(biases)),
    ]
    if "p" in part.arrays:
        peepholes = part.constant(
            "peepholes", both(lambda direction: part.arrays[f"{direction}p"][[0, 2, 1]].reshape(-1))
        )
        inputs += ["", "", "", peepholes]
    direction = "bidirectional" if layer.bidirectional else "forward"
    y = part.node(operator, *inputs, attributes={"hidden_size": units, "direction": direction, **attributes})
    # (t, directions, n, units)
    if layer.output == "every":
        return part.reshaped(part.node("Transpose", y, attributes={"perm": [2, 0, 1, 3]}), list(layer.out_shape))
    ends = []
    for number, end in enumerate([-1, 0][: len(directions)]):
        direction = part.node("Gather", y, part.constant("way", np.array([number])), attributes={"axis": 1})
        ends.append(part.reshaped(part.node("Gather", direction, part.constant("end", np.array([end]))), [units]))
    return ends[0] if len(ends) == 1 else part.node("Concat", *ends, attributes={"axis": 1})


def _flatten(_layer: Flatten, part: Part, x: str) -> str:
    return part.rows(x)


LAYERS: dict[type, Callable[[Any, Part, str], str]] = {
    ActivationLayer: _activation,
    BatchNorm: _batch_norm,
    Conv: _conv,
    Dense: _dense,
    DropConnect: _dropconnect,
    Dropout: _dropout,
    Flatten: _flatten,
    GRU: _gru,
    LSTM: _lstm,
    Pool: _pool,
    Recurrent: _recurrent,
}


def add_layers(model: Sequential, graph: Graph, x: str, in_shape: Shape) -> str:
    """Add a model's layers, the first of which reads x (n, *in_shape), and return the name of the last one's output."""
    views, shape = model.views(model.values), in_shape
    for name, layer in model.layers.items():
        prefix = f"{name}."
        arrays = {key.removeprefix(prefix): view for key, view in views.items() if key.startswith(prefix)}
        if type(layer) not in LAYERS:
            raise UsageError(
                f"a layer of type {layer.type} cannot be written as ONNX; safetensors takes its parameters"
            )
        x = LAYERS[type(layer)](layer, Part(graph, name, shape, arrays), x)
        shape = model.shapes[name]
    return x
