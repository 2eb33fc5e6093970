"""The simple recurrent layer: units that hear of the step before."""

from typing import ClassVar, Literal

from mnistnn.component import component
from mnistnn.kernels.recurrent import recurrent, recurrent_backward
from mnistnn.layers.activations import ACTIVATIONS, ActivationName
from mnistnn.layers.recurrent_base import OverTime, Way
from mnistnn.types import Array


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

    def make_room(self, way: Way, back: bool) -> None:
        self._work(way)

    def run(self, way: Way, rows: slice, z: Array, h: Array) -> None:
        work = self._work(way)[rows]
        recurrent(z, way["U"], h, ACTIVATIONS[self.activation].forward, self.steps_there(way, rows), work)

    def run_back(self, way: Way, rows: slice, steps: slice, z: Array, h: Array, dh: Array, dz: Array) -> None:
        work = self._work(way)[rows]
        there = self.steps_there(way, rows, steps)
        recurrent_backward(dh, self.turned_U(way), h, ACTIVATIONS[self.activation].tangent, there, dz, work)

    def _work(self, way: Way) -> Array:
        return way.scratch("work", (self.x.shape[1], self.units), self.x)

    def kept_of_way(self, train: bool) -> int:
        return self.units
