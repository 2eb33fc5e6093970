"""The simple recurrent layer: units whose input includes the state of the step before."""

from typing import ClassVar, Literal

from mnistnn.component import component
from mnistnn.kernels.recurrent import recurrent, recurrent_backward
from mnistnn.layers.activations import ACTIVATIONS, ActivationName
from mnistnn.layers.recurrent_base import Direction, RecurrentBase
from mnistnn.types import Array


@component
class Recurrent(RecurrentBase):
    """hₛ = f(xₛ W + hₛ₋₁ U + b), with h before the first step 0. Elman (1990); through time: Werbos (1990).

    With relu, start U as `identity`: a step without input then leaves everything as it is (Le, Jaitly & Hinton 2015).
    W (n_in, units), U (units, units), b (units,). Keeps h of each step, and what made it: 2·n·units numbers a step, 4
    in training.
    """

    type: Literal["recurrent"] = "recurrent"
    activation: ActivationName = "tanh"
    """The element-wise f."""

    gates: ClassVar[int] = 1
    gate_names: ClassVar[tuple[str, ...]] = ("x W + b",)

    def make_room(self, direction: Direction, back: bool) -> None:
        self._work(direction)

    def run(self, direction: Direction, rows: slice, z: Array, h: Array) -> None:
        work = self._work(direction)[rows]
        recurrent(z, direction["U"], h, ACTIVATIONS[self.activation].forward, self.mask_of(direction, rows), work)

    def run_back(
        self, direction: Direction, rows: slice, steps: slice, z: Array, h: Array, dh: Array, dz: Array
    ) -> None:
        work = self._work(direction)[rows]
        mask = self.mask_of(direction, rows, steps)
        recurrent_backward(dh, self.turned_U(direction), h, ACTIVATIONS[self.activation].tangent, mask, dz, work)

    def _work(self, direction: Direction) -> Array:
        return direction.scratch("work", (self.x.shape[1], self.units), self.x)

    def kept_of_direction(self, train: bool) -> int:
        return self.units
