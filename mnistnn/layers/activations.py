"""The activations that a layer can name, each a forward and a backward kernel, and how a bias goes with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.backend.cuda import Kernel
from mnistnn.kernels import activations as kernels
from mnistnn.kernels import activations_cuda as on_gpu
from mnistnn.types import Array

ActivationName = Literal["linear", "sigmoid", "tanh", "scaled_tanh", "relu", "leaky_relu", "softplus"]


@dataclass(frozen=True)
class Activation:
    """A pair of in-place kernels: `forward(y)` turns z into y; `backward(dy, y)` turns dy into dz and uses y up."""

    forward: Callable[[Array], None]
    backward: Callable[[Array, Array], None]
    biased: Kernel
    """For a GPU: forward of a sum with a bias."""

    def after_bias(self, z: Array, b: Array, y: Array) -> None:
        """Write f(z + b) into y, which may be z. b is (units,) for the last axis of z, or (units, 1, ...)."""
        if isinstance(y, np.ndarray) or not (z.flags.c_contiguous and y.flags.c_contiguous):
            array_module(y).add(z, b, out=y)
            self.forward(y)
        else:
            inner = 1 if b.ndim == 1 else y.size // b.size
            self.biased.launch(y.size, y, z, b, y, inner, b.size)

    def tangent(self, y_dot: Array, y: Array, work: Array) -> None:
        """Turn z_dot into y_dot = f'(z) z_dot in place, as backward does with dy, but leave y as it is.

        work, which lies in memory as y does, is overwritten.
        """
        if self.backward is not kernels.linear_backward:
            work[...] = y
            self.backward(y_dot, work)


ACTIVATIONS: dict[ActivationName, Activation] = {
    "linear": Activation(kernels.linear, kernels.linear_backward, on_gpu.biased_linear),
    "sigmoid": Activation(kernels.sigmoid, kernels.sigmoid_backward, on_gpu.biased_sigmoid),
    "tanh": Activation(kernels.tanh, kernels.tanh_backward, on_gpu.biased_tanh),
    "scaled_tanh": Activation(kernels.scaled_tanh, kernels.scaled_tanh_backward, on_gpu.biased_scaled_tanh),
    "relu": Activation(kernels.relu, kernels.relu_backward, on_gpu.biased_relu),
    "leaky_relu": Activation(kernels.leaky_relu, kernels.leaky_relu_backward, on_gpu.biased_leaky_relu),
    "softplus": Activation(kernels.softplus, kernels.softplus_backward, on_gpu.biased_softplus),
}
