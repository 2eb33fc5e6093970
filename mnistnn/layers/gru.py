"""Gated recurrent units: memory with two gates and no cell."""

from typing import ClassVar, Literal

from mnistnn.backend.matmul import sum_along
from mnistnn.backend.threads import matmul
from mnistnn.component import component
from mnistnn.kernels import gru_loops
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

    has_loops: ClassVar[bool] = True
    gates: ClassVar[int] = 3
    gate_names: ClassVar[tuple[str, ...]] = ("r", "u", "g")

    def declared(self) -> list[Parameter]:
        declared = super().declared()
        return [*declared, Parameter("c", (self.units,), "bias", Zeros(), declared[1].fan)]

    def make_room(self, direction: Direction, back: bool) -> None:
        if back:
            self._products(direction, "dproduct")
            self._work_back(direction)
        else:
            self._products(direction, "product")
            self._work(direction)

    def run(self, direction: Direction, rows: slice, z: Array, h: Array) -> None:
        product = direction.in_order(self._products(direction, "product")[:, rows])
        U, b, c = self.U_of(direction), direction["b"], direction["c"]
        mask, work = self.mask_of(direction, rows), self._work(direction)[rows]
        if self.in_loops:
            gru_loops.forward(z, b, U, c, h, product, mask, work)
        else:
            gru(z, U, c, h, product, mask, work)

    def run_back(
        self, direction: Direction, rows: slice, steps: slice, z: Array, h: Array, dh: Array, dz: Array
    ) -> None:
        product, dproduct = (
            direction.in_order(self._products(direction, role)[:, rows])[steps] for role in ("product", "dproduct")
        )
        compute = gru_loops.backward if self.in_loops else gru_backward
        mask, work = self.mask_of(direction, rows, steps), (memory[rows] for memory in self._work_back(direction))
        compute(dh, z, self.turned_U(direction), h, product, mask, dz, dproduct, *work)

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

    def _work(self, direction: Direction) -> Array:
        return self.work(direction, "work", self.gates * self.units)

    def _work_back(self, direction: Direction) -> tuple[Array, Array]:
        """Return memory for the derivatives of one step, by h U (n, 3·units) for loops, by h (n, units) otherwise; and
        for a product.
        """
        numbers = (self.gates if self.in_loops else 1) * self.units
        of_step = direction.scratch("of a step back", (self.x.shape[1], numbers), self.x)
        return of_step, self.work(direction, "work back", self.units)

    def kept_of_direction(self, train: bool) -> int:
        products = (2 if train else 1) * self.steps * self.units
        of_step = (self.gates if self.needs_loops else 1) * self.units
        back = of_step + self.of_product(self.units) if train else 0
        return products + self.of_product(self.gates * self.units) + back
