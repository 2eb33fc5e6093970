"""Gated recurrent units: memory with two gates and no cell."""

from typing import ClassVar, Literal

from mnistnn.backend.matmul import sum_along
from mnistnn.backend.threads import matmul
from mnistnn.component import component
from mnistnn.kernels.gru import gru, gru_backward
from mnistnn.layers.contract import Parameter
from mnistnn.layers.initializers import Zeros
from mnistnn.layers.recurrent_base import OverTime, Way, flat
from mnistnn.types import Array


@component
class GRU(OverTime):
    """r, u = σ(x W + h₋ U + b), g = tanh(x W + b + r (h₋ U + c));  h = (1 − u) g + u h₋.

    W (n_in, 3·units), U (units, 3·units), b (3·units,), gates in the order r, u, g; c (units,), of g. The reset gate r
    scales a product that is made already, as in cuDNN; in Cho et al. (2014) it scales h₋. Keeps gates, h₋ U + c and h:
    5·n·units numbers a step, 10 in training.
    """

    type: Literal["gru"] = "gru"

    gates: ClassVar[int] = 3

    def declared(self) -> list[Parameter]:
        declared = super().declared()
        return [*declared, Parameter("c", (self.units,), "bias", Zeros(), declared[1].fan)]

    def make_room(self, way: Way, back: bool) -> None:
        self._products(way, "dproduct" if back else "product")
        self._work(way, back)

    def run(self, way: Way, rows: slice, z: Array, h: Array) -> None:
        product = way.in_order(self._products(way, "product")[:, rows])
        work = self._work(way, back=False)[rows].reshape(z.shape[1:])
        gru(z, way["U"], way["c"], h, product, self.steps_there(way, rows), work)

    def run_back(self, way: Way, rows: slice, steps: slice, z: Array, h: Array, dh: Array, dz: Array) -> None:
        product, dproduct = (
            way.in_order(self._products(way, role)[:, rows])[steps] for role in ("product", "dproduct")
        )
        work = self._work(way, back=True)[rows].transpose(1, 0, 2)
        there = self.steps_there(way, rows, steps)
        gru_backward(dh, z, self.turned_U(way), h, product, there, dz, dproduct, work)

    def skip_back(self, way: Way, rows: slice, steps: slice, dz: Array) -> None:
        super().skip_back(way, rows, steps, dz)
        way.in_order(self._products(way, "dproduct")[:, rows])[steps] = 0.0

    def write_recurrent_gradient(self, way: Way, h: Array, dz: Array) -> None:
        dU, dproduct = way.grads["U"], flat(self._products(way, "dproduct"))
        both = 2 * self.units
        matmul(flat(h).T, flat(dz)[:, :both], out=dU[:, :both])
        matmul(flat(h).T, dproduct, out=dU[:, both:])
        sum_along(dproduct, 0, out=way.grads["c"])

    def _products(self, way: Way, role: str) -> Array:
        t, n, _ = self.x.shape
        return way.scratch(role, (t, n, self.units), self.x)

    def _work(self, way: Way, back: bool) -> Array:
        role, times = ("work back", 2) if back else ("work", self.gates)
        return way.scratch(role, (self.x.shape[1], times, self.units), self.x)

    def kept_of_way(self, train: bool) -> int:
        products = (2 if train else 1) * self.steps * self.units
        return products + (5 if train else 3) * self.units
