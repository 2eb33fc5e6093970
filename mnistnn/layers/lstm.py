"""Long short-term memory: units with a cell that keeps for many steps what it was given."""

from typing import ClassVar, Literal

from mnistnn.component import component
from mnistnn.kernels import lstm_loops
from mnistnn.kernels.lstm import lstm, lstm_backward, peephole_gradient
from mnistnn.layers.contract import Parameter
from mnistnn.layers.initializers import Constant, InitializerProtocol, Zeros
from mnistnn.layers.recurrent_base import Blocks, Direction, RecurrentBase
from mnistnn.types import Array, Shape


@component
class LSTM(RecurrentBase):
    """i, f, o = σ(x W + h₋ U + p c + b), g = tanh(x W + h₋ U + b);  c = f c₋ + i g;  h = o tanh(c).

    W (n_in, 4·units), U (units, 4·units), b (4·units,), gates in the order i, f, o, g; with peepholes p (3, units), of
    c₋ for i and f and of c for o. Weights of all gates start as those of tanh units, with a gain of 1, for which glorot
    has 4 in a dense layer of sigmoid units, as the slides say. Keeps gates, c, tanh c and h: 7·n·units numbers a step,
    12 in training. Hochreiter & Schmidhuber (1997); Gers, Schmidhuber & Cummins (2000).
    """

    type: Literal["lstm"] = "lstm"
    peepholes: bool = False
    """Let gates see the cell. Gers & Schmidhuber (2000)."""
    forget_bias: float = 1.0
    """Where the bias of the forget gate starts: above zero, cells keep what they have until they learn otherwise.
    Jozefowicz, Zaremba & Sutskever (2015)."""

    has_loops: ClassVar[bool] = True
    gates: ClassVar[int] = 4
    gate_names: ClassVar[tuple[str, ...]] = ("i", "f", "o", "g")
    states: ClassVar[tuple[str, ...]] = ("h", "c")

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        built = super().build(in_shape)
        self.needs_loops = self.needs_loops and not self.peepholes
        return built

    def bias_init(self) -> InitializerProtocol:
        return Blocks((Zeros(), Constant(value=self.forget_bias), Zeros(), Zeros()))

    def declared(self) -> list[Parameter]:
        declared = super().declared()
        if self.peepholes:
            declared.append(Parameter("p", (3, self.units), "weight", Zeros(), declared[1].fan))
        return declared

    def make_room(self, direction: Direction, back: bool) -> None:
        self._cells(direction)
        if back:
            self._work_back(direction)
        else:
            self._work(direction)

    def run(self, direction: Direction, rows: slice, z: Array, h: Array) -> None:
        c, tanh_c = (direction.in_order(cells[:, rows]) for cells in self._cells(direction))
        c[0] = self.first("c", rows)
        U, mask, work = self.U_of(direction), self.mask_of(direction, rows), self._work(direction)[rows]
        if self.in_loops:
            lstm_loops.forward(z, direction["b"], U, h, c, tanh_c, mask, work)
        else:
            lstm(z, U, self._peepholes(direction), h, c, tanh_c, mask, work)

    def run_back(
        self, direction: Direction, rows: slice, steps: slice, z: Array, h: Array, dh: Array, dz: Array
    ) -> None:
        c, tanh_c = (direction.in_order(cells[:, rows]) for cells in self._cells(direction))
        c, tanh_c = c[steps.start : steps.stop + 1], tanh_c[steps]
        U_T, mask = self.turned_U(direction), self.mask_of(direction, rows, steps)
        dc, kept, work = (memory[rows] for memory in self._work_back(direction))
        if self.in_loops:
            lstm_loops.backward(dh, z, U_T, c, tanh_c, mask, dz, dc, work)
        else:
            lstm_backward(dh, z, U_T, self._peepholes(direction), c, tanh_c, mask, dz, dc, kept, work)

    def write_recurrent_gradient(self, direction: Direction, h: Array, dz: Array) -> None:
        super().write_recurrent_gradient(direction, h, dz)
        if self.peepholes:
            c, _ = self._cells(direction)
            work = direction.scratch("work of peepholes", (c.shape[1] + 1, self.units), h)
            peephole_gradient(direction.in_order(dz), direction.in_order(c), direction.grads["p"], work)

    def states_of(self, name: str) -> Array:
        return self._cells(self.directions[0])[0] if name == "c" else super().states_of(name)

    def step_by_step(self) -> list[dict[str, Array]]:
        cells = (direction.in_order(self._cells(direction)[0])[1:] for direction in self.directions)
        return [{**found, "c": c} for found, c in zip(super().step_by_step(), cells, strict=True)]

    def _peepholes(self, direction: Direction) -> Array | None:
        return direction["p"] if self.peepholes else None

    def _cells(self, direction: Direction) -> tuple[Array, Array]:
        """Return c (t + 1, n, units) and tanh c (t, n, units), as they lie in memory."""
        t, n, _ = self.x.shape
        return tuple(
            direction.scratch(role, (steps, n, self.units), self.x) for role, steps in (("c", t + 1), ("tanh c", t))
        )

    def _work(self, direction: Direction) -> Array:
        return self.work(direction, "work", self.gates * self.units)

    def _work_back(self, direction: Direction) -> tuple[Array, Array, Array]:
        """Return dc and what is kept of it, (n, units), and memory for a product."""
        n = self.x.shape[1]
        dc, kept = (direction.scratch(role, (n, self.units), self.x) for role in ("dc", "dc kept"))
        return dc, kept, self.work(direction, "work back", self.units)

    def kept_of_direction(self, train: bool) -> int:
        cells = (2 * self.steps + 1) * self.units
        work = self.of_product(self.gates * self.units)
        return cells + work + (2 * self.units + self.of_product(self.units) if train else 0)

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        peepholes = len(self.directions) * (n + 1) * self.units if self.peepholes and train else 0
        return super().memory(n, train, workers) + peepholes
