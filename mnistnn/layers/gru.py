"""Gated recurrent units: memory with two gates and no cell."""

from typing import ClassVar, Literal

from mnistnn.backend.matmul import sum_along
from mnistnn.backend.threads import matmul
from mnistnn.component import component
from mnistnn.kernels.gru import gru, gru_backward
from mnistnn.layers.contract import Parameter
from mnistnn.layers.initializers import Zeros
from mnistnn.layers.recurrent_base import Direction, RecurrentBase, flat
from mnistnn.types import Array


@component
class GRU(RecurrentBase):
    """r, u = σ(x W + h₋ U + b), g = tanh(x W + b + r (h₋ U + c));  h = (1 − u) g + u h₋.

    W (n_in, 3·units), U (units, 3·units), b (3·units,), gates in the order r, u, g; c (units,), of g. The reset gate r
    scales a product that is made already, as in cuDNN; in Cho et al. (2014) it scales h₋. Weights of all gates start as
    those of tanh units, with a gain of 1, for which glorot has 4 in a dense layer of sigmoid units, as the slides say.
    Keeps gates, h₋ U + c and h: 5·n·units numbers a step, 10 in training.
    """

    type: Literal["gru"] = "gru"

    gates: ClassVar[int] = 3
    gate_names: ClassVar[tuple[str, ...]] = ("r", "u", "g")

    def declared(self) -> list[Parameter]:
        declared = super().declared()
        return [*declared, Parameter("c", (self.units,), "bias", Zeros(), declared[1].fan)]

    def make_room(self, direction: Direction, back: bool) -> None:
        self._products(direction, "dproduct" if back else "product")
        self._work(direction, back)

    def run(self, direction: Direction, rows: slice, z: Array, h: Array) -> None:
        product = direction.in_order(self._products(direction, "product")[:, rows])
        work = self._work(direction, back=False)[rows].reshape(z.shape[1:])
        gru(z, direction["U"], direction["c"], h, product, self.mask_of(direction, rows), work)

    def run_back(
        self, direction: Direction, rows: slice, steps: slice, z: Array, h: Array, dh: Array, dz: Array
    ) -> None:
        product, dproduct = (
            direction.in_order(self._products(direction, role)[:, rows])[steps] for role in ("product", "dproduct")
        )
        work = self._work(direction, back=True)[rows].transpose(1, 0, 2)
        mask = self.mask_of(direction, rows, steps)
        gru_backward(dh, z, self.turned_U(direction), h, product, mask, dz, dproduct, work)

    def skip_back(self, direction: Direction, rows: slice, steps: slice, dz: Array) -> None:
        super().skip_back(direction, rows, steps, dz)
        direction.in_order(self._products(direction, "dproduct")[:, rows])[steps] = 0.0

    def write_recurrent_gradient(self, direction: Direction, h: Array, dz: Array) -> None:
        dU, dproduct = direction.grads["U"], flat(self._products(direction, "dproduct"))
        both = 2 * self.units
        matmul(flat(h).T, flat(dz)[:, :both], out=dU[:, :both])
        matmul(flat(h).T, dproduct, out=dU[:, both:])
        sum_along(dproduct, 0, out=direction.grads["c"])

    def _products(self, direction: Direction, role: str) -> Array:
        t, n, _ = self.x.shape
        return direction.scratch(role, (t, n, self.units), self.x)

    def _work(self, direction: Direction, back: bool) -> Array:
        role, times = ("work back", 2) if back else ("work", self.gates)
        return direction.scratch(role, (self.x.shape[1], times, self.units), self.x)

    def kept_of_direction(self, train: bool) -> int:
        products = (2 if train else 1) * self.steps * self.units
        return products + (5 if train else 3) * self.units
