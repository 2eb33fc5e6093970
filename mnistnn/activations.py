"""The activations that a layer can name, each a forward and a backward kernel."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mnistnn.backend import Array
from mnistnn.kernels import activations as kernels

ActivationName = Literal["linear", "sigmoid", "tanh", "scaled_tanh", "relu", "leaky_relu", "softplus"]


@dataclass(frozen=True)
class Activation:
    """A pair of in-place kernels: `forward(y)` turns z into y; `backward(dy, y)` turns dy into dz and uses y up."""

    forward: Callable[[Array], None]
    backward: Callable[[Array, Array], None]


ACTIVATIONS: dict[ActivationName, Activation] = {
    "linear": Activation(kernels.linear, kernels.linear_backward),
    "sigmoid": Activation(kernels.sigmoid, kernels.sigmoid_backward),
    "tanh": Activation(kernels.tanh, kernels.tanh_backward),
    "scaled_tanh": Activation(kernels.scaled_tanh, kernels.scaled_tanh_backward),
    "relu": Activation(kernels.relu, kernels.relu_backward),
    "leaky_relu": Activation(kernels.leaky_relu, kernels.leaky_relu_backward),
    "softplus": Activation(kernels.softplus, kernels.softplus_backward),
}
