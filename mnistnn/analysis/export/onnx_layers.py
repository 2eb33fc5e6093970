"""Each layer as ONNX nodes: what it computes when it is used, not in training.

A layer that is not in the table cannot be exported; a test asks for it.
"""

from collections.abc import Callable
from typing import Any

from mnistnn.activations import ActivationName
from mnistnn.analysis.export.onnx_graph import Graph, Part
from mnistnn.layers.activation import ActivationLayer
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.layers.flatten import Flatten
from mnistnn.layers.images import pair
from mnistnn.layers.pool import Pool
from mnistnn.models.sequential import Sequential
from mnistnn.shapes import Shape


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


def _activation(layer: ActivationLayer, part: Part, x: str) -> str:
    return ACTIVATIONS[layer.activation](part, x)


def _dense(layer: Dense, part: Part, x: str) -> str:
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
    Pool: _pool,
}


def add_layers(model: Sequential, graph: Graph, x: str, in_shape: Shape) -> str:
    """Add a model's layers, the first of which reads x (n, *in_shape), and return the name of the last one's output."""
    views, shape = model.views(model.values), in_shape
    for name, layer in model.layers.items():
        prefix = f"{name}."
        arrays = {key.removeprefix(prefix): view for key, view in views.items() if key.startswith(prefix)}
        x = LAYERS[type(layer)](layer, Part(graph, name, shape, arrays), x)
        shape = model.shapes[name]
    return x
