"""The simple recurrent layer: units that hear of the step before."""

from typing import ClassVar, Literal

from mnistnn.activations import ACTIVATIONS, ActivationName
from mnistnn.backend import Array
from mnistnn.component import component
from mnistnn.kernels.recurrent import recurrent, recurrent_backward
from mnistnn.layers.over_time import OverTime, Way


@component
class Recurrent(OverTime):
    """hₛ = f(xₛ W + hₛ₋₁ U + b), with h before the first step 0. Elman (1990); through time: Werbos (1990).

    With relu, start U as `identity`: a step without input then leaves everything as it is (Le, Jaitly & Hinton 2015).
    W (n_in, units), U (units, units), b (units,). Keeps h of each step, and what made it: 2·n·units numbers a step, 4
    in training.
    """

    type: Literal["recurrent"] = "recurrent"
    activation: ActivationName = "tanh"
    """The element-wise f."""

    gates: ClassVar[int] = 1

    def run(self, way: Way, z: Array, h: Array) -> None:
        work = way.scratch("work", h.shape[1:], h)
        recurrent(z, way["U"], h, ACTIVATIONS[self.activation], None, work)

    def run_back(self, way: Way, z: Array, h: Array, dh: Array, part: slice, dz: Array) -> None:
        work = way.scratch("work", h.shape[1:], h)
        recurrent_backward(dh, way["U"], h, ACTIVATIONS[self.activation], None, dz, work)

    def kept_of_way(self, train: bool) -> int:
        return self.units
