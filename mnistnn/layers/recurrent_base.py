"""The base of recurrent layers: the forward pass step by step, and backpropagation through time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend import block_products, jit
from mnistnn.backend.arrays import array_module
from mnistnn.backend.matmul import sum_along
from mnistnn.backend.memory_order import steps_first
from mnistnn.backend.pieces import evenly
from mnistnn.backend.scratch import Scratch
from mnistnn.backend.threads import matmul, spread
from mnistnn.component import component
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layers.initializers import (
    FanInOut,
    Glorot,
    Initializer,
    InitializerProtocol,
    Orthogonal,
    RandomGenerator,
    Zeros,
)
from mnistnn.types import Array, Shape, ShapeError, show_shape

_FEWEST, _MOST = 10, 64  # examples in a share of a batch
_MOST_IN_LOOPS = 16
_FEWEST_UNITS = 32  # of a layer that takes compiled loops: their blocks are wider than few units


@dataclass(frozen=True)
class Blocks:
    """Starts a parameter that consists of several side by side, in the last axis, each with an initializer."""

    inits: tuple[InitializerProtocol, ...]

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        own = (*shape[:-1], shape[-1] // len(self.inits))
        return np.concatenate([init.draw(rng, own, fan) for init in self.inits], axis=-1)


class Direction:
    """One direction of a recurrent layer: parameters and gradients by name, and a part of the layer's memory."""

    def __init__(self, is_backward: bool, scratch: Scratch) -> None:
        self.is_backward, self._scratch = is_backward, scratch

    def scratch(self, role: str, shape: tuple[int, ...], like: Array) -> Array:
        return self._scratch(f"{role}, backward" if self.is_backward else role, shape, like)

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.values, self.grads = values, grads

    def in_order(self, steps: Array) -> Array:
        """Return steps (t, …) in the order in which they are read."""
        return steps[::-1] if self.is_backward else steps

    def __getitem__(self, name: str) -> Array:
        return self.values[name]


@component
class RecurrentBase(BaseLayer):
    """Abstract: maps steps x (t, n_in) of each example, one after the other, to a hidden state (units,).

    A concrete layer says how many sums a unit has (`gates`), and what it does with them, in `run` and `run_back`.
    An image is a sequence of its rows. Sums of inputs are one product for all steps, W (n_in, gates·units); sums of
    states need one for each, U (units, gates·units); the gradients of both are one product each.

    A layer with loops of its own for float32 takes them wherever Numba is installed. Their products and their tanh have
    last bits of their own, which depend neither on the batch nor on the number of threads.
    """

    type: str
    """The name of the layer in an experiment."""
    units: Annotated[int, Field(ge=1, le=100_000)]
    """Size of the hidden state, in each direction."""
    output: Literal["last", "every"] = "last"
    """The output: the hidden state after the last step, (units,), or after every step, (t, units)."""
    bidirectional: bool = False
    """Go from the end to the beginning as well, with parameters of its own, and output both states side by side.
    Schuster & Paliwal (1997)."""
    truncate: Annotated[int, Field(ge=1)] | None = None
    """Let gradients go back so many steps at most: steps are cut into stretches of that length, counted from the end,
    and none goes from one to the stretch before. Williams & Peng (1990)."""
    carry: Annotated[int, Field(ge=1)] | None = None
    """Stateful: in training, begin where the example of this place in the batch before was after so many steps, instead
    of with zeros: for windows of a series that move by so many steps, in batches of order `lanes`. Nothing is carried
    into an epoch, nor when the model is measured."""
    init: Initializer = Field(default_factory=Glorot)
    """How W starts, for each gate; biases start at zero."""
    recurrent_init: Initializer = Field(default_factory=Orthogonal)
    """How U starts, for each gate."""

    has_loops: ClassVar[bool] = False
    """Whether there are compiled loops of all steps."""
    gates: ClassVar[int]
    gate_names: ClassVar[tuple[str, ...]]
    """What each of the sums of a unit becomes, in the order in which they lie."""
    states: ClassVar[tuple[str, ...]] = ("h",)
    """Names of the states that go from step to step."""

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        if len(in_shape) != 2:
            raise ShapeError(
                f"{self.type} reads sequences (steps × features), or images row by row, and its input is "
                f"{show_shape(in_shape)}"
            )
        self.steps, self.n_in = in_shape
        if self.truncate is not None and self.truncate > self.steps:
            raise ShapeError(f"truncate: {self.truncate} is more than the {self.steps} steps that there are")
        if self.carry is not None and self.carry > self.steps:
            raise ShapeError(f"carry: {self.carry} is more than the {self.steps} steps that there are")
        if self.carry is not None and self.bidirectional:
            raise ShapeError("carry: a bidirectional layer would begin at an end that has not come yet")
        self.carried: dict[str, Array] = {}
        """The initial state of the next batch, by name, (n, units); empty where nothing is carried."""
        self.needs_loops = self.has_loops and self.units >= _FEWEST_UNITS
        self.in_loops = False
        """Whether the last forward pass took the loops."""
        self.is_truncated = self.truncate is not None and self.truncate < self.steps
        self.scratch = Scratch()
        self.step_mask: Array | None = None
        """Which steps each example has, (t, n, 1) of 0 and 1; None where all have all. The model sets it."""
        backward = (False, True) if self.bidirectional else (False,)
        self.directions = [Direction(is_backward, self.scratch) for is_backward in backward]
        declared = self.declared()
        if self.bidirectional:
            declared += [Parameter(f"{BACK}{p.name}", p.shape, p.kind, p.init, p.fan) for p in self.declared()]
        out = len(self.directions) * self.units
        self.out_shape: Shape = (out,) if self.output == "last" else (self.steps, out)
        return self.out_shape, declared

    def begin_to_carry(self, n: int, like: Array, updates_per_epoch: int) -> None:
        """Allocate the states that batches of n hand on to each other, from the next update on."""
        xp = array_module(like)
        self.carried = {name: xp.zeros((n, self.units), dtype=like.dtype) for name in self.states}
        self._updates_per_epoch = updates_per_epoch

    def begin_update(self, update: int, piece: int = 0) -> None:
        if self.carried and update % self._updates_per_epoch == 0:
            for state in self.carried.values():
                state[...] = 0.0

    def declared(self) -> list[Parameter]:
        """Return the parameters of one direction."""
        wide = self.gates * self.units
        fan, back = FanInOut(self.n_in, self.units, "tanh"), FanInOut(self.units, self.units, "tanh")
        several = (self.init,) * self.gates, (self.recurrent_init,) * self.gates
        return [
            Parameter("W", (self.n_in, wide), "weight", Blocks(several[0]), fan),
            Parameter("U", (self.units, wide), "weight", Blocks(several[1]), back),
            Parameter("b", (wide,), "bias", self.bias_init(), fan),
        ]

    def bias_init(self) -> InitializerProtocol:
        """Return the initializer of the biases of all gates."""
        return Zeros()

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        for direction in self.directions:
            direction.bind(*(_of_direction(direction, views) for views in (values, grads)))

    def first(self, name: str, rows: slice) -> Array | float:
        """Return the initial value of a state, by name."""
        return self.begins_with[name][rows] if self.begins_with else 0.0

    def states_of(self, name: str) -> Array:
        """Return a state (t + 1, n, units) of the last forward pass, of the forward direction, by name."""
        return self._memory(self.directions[0])[1]

    def step_by_step(self) -> list[dict[str, Array]]:
        """Return what units had at each step of the last forward pass, (t, n, units) by the names of gates and states,
        for each direction in the order in which it reads. States before the first step are left out.
        """
        found = []
        for direction in self.directions:
            z, h = (direction.in_order(steps) for steps in self._memory(direction))
            gates = {name: z[..., k * self.units : (k + 1) * self.units] for k, name in enumerate(self.gate_names)}
            found.append({**gates, "h": h[1:]})
        return found

    def make_room(self, direction: Direction, back: bool) -> None:
        """Take the memory in which `run` works, or `run_back`: workers would take it twice."""
        raise NotImplementedError

    def run(self, direction: Direction, rows: slice, z: Array, h: Array) -> None:
        """Write the states h[1:] that follow from z (t, n, gates·units) and from h[0], in the order of the direction.
        z is x W + b, and x W for loops.

        z and h are those of the examples `rows`, as is what a concrete layer takes of its own memory.
        """
        raise NotImplementedError

    def run_back(
        self, direction: Direction, rows: slice, steps: slice, z: Array, h: Array, dh: Array, dz: Array
    ) -> None:
        """Write the derivatives dz by z of a stretch of the last forward pass, for the examples `rows`; dh, derivatives
        by h[1:] from outside, is overwritten. All are parts: of these steps and rows.
        """
        raise NotImplementedError

    def skip_back(self, direction: Direction, rows: slice, steps: slice, dz: Array) -> None:
        """Say that nothing goes back to these steps: derivatives by z are 0 there."""
        dz[...] = 0.0

    def mask_of(self, direction: Direction, rows: slice, steps: slice = slice(None)) -> Array | None:
        """Return the mask of these steps, in the order of this direction; None where all examples have all steps."""
        return None if self.step_mask is None else direction.in_order(self.step_mask[:, rows])[steps]

    def turned_U(self, direction: Direction) -> Array:
        """Return Uᵀ (gates·units, units), in panels for loops; for BLAS in the order of memory in which it multiplies
        few rows faster: in half the time, of 20 rows.
        """
        shape = self.gates * self.units, self.units
        return direction.scratch("Uᵀ", block_products.packed_shape(*shape) if self.in_loops else shape, self.x)

    def U_of(self, direction: Direction) -> Array:
        """Return U (units, gates·units), in panels for loops."""
        if not self.in_loops:
            return direction["U"]
        shape = block_products.packed_shape(self.units, self.gates * self.units)
        return direction.scratch("U in panels", shape, self.x)

    def work(self, direction: Direction, role: str, numbers: int) -> Array:
        """Return memory for a product of one step, (n, numbers); with the columns of its panels for loops."""
        wide = block_products.padded(numbers) if self.in_loops else numbers
        return direction.scratch(role, (self.x.shape[1], wide), self.x)

    def write_recurrent_gradient(self, direction: Direction, h: Array, dz: Array) -> None:
        """Write the gradient of U, and of what else is a concrete layer's. h (t, n, units) is what each step began
        with, dz (t, n, gates·units), both as they lie in memory.
        """
        matmul(flat(h).T, flat(dz), out=direction.grads["U"])

    def forward(self, x: Array, train: bool) -> Array:
        self.x = self._turned(x, "x")
        may_be = self.needs_loops and isinstance(x, np.ndarray) and x.dtype == np.float32
        self.in_loops = may_be and jit.is_available(wait=True)
        for direction in self.directions:
            z, h = self._memory(direction)
            matmul(flat(self.x), direction["W"], out=flat(z))
            self.begins_with = self.carried if train else {}
            self._read(direction, z, h)
        if self.carry is not None and train:
            for name, state in self.carried.items():
                state[...] = self.states_of(name)[self.carry]
        return self._handed_on()

    def _read(self, direction: Direction, whole_z: Array, whole_h: Array) -> None:
        def read(rows: slice) -> None:
            z, h = direction.in_order(whole_z[:, rows]), direction.in_order(whole_h[:, rows])
            if not self.in_loops:  # which add it in passing
                z += direction["b"]
            h[0] = self.first("h", rows)
            self.run(direction, rows, z, h)

        if self.in_loops:
            block_products.pack(direction["U"], self.U_of(direction))
        self.make_room(direction, back=False)
        self._spread(read)

    def _spread(self, work: Callable[[slice], None]) -> None:
        """Let workers do the work on shares of the examples: through time, examples know nothing of each other."""
        n = self.x.shape[1]
        most = _MOST_IN_LOOPS if self.in_loops else _MOST
        count = max(1, min(2, n // _FEWEST), -(-n // most)) if isinstance(self.x, np.ndarray) else 1
        spread(lambda rows, _: work(rows), evenly(n, count), self.x)

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        dx = self.scratch("dx, steps first", self.x.shape, self.x) if need_dx else None
        for number, direction in enumerate(self.directions):
            dz = self._back_through_time(direction, dy[..., number * self.units : (number + 1) * self.units])
            _, h = self._memory(direction)
            self.write_recurrent_gradient(direction, h[1:] if direction.is_backward else h[:-1], dz)
            matmul(flat(self.x).T, flat(dz), out=direction.grads["W"])
            sum_along(flat(dz), 0, out=direction.grads["b"])
            if dx is not None:
                out = dx if number == 0 else self.scratch("dx of the other direction", dx.shape, dx)
                matmul(flat(dz), direction["W"].T, out=flat(out))
                if number:
                    dx += out
        return None if dx is None else self._turned(dx, "dx")

    def _back_through_time(self, direction: Direction, dy: Array) -> Array:
        """Return the derivatives by z (t, n, gates·units), from those by the output of this direction."""
        z, h = self._memory(direction)
        t, n, _ = z.shape
        if self.in_loops:
            block_products.pack_transposed(direction["U"], self.turned_U(direction))
        else:
            self.turned_U(direction)[...] = direction["U"].T
        dz, dh = direction.scratch("dz", z.shape, z), direction.scratch("dh", (t, n, self.units), z)
        if self.output == "last":
            dh[...] = 0.0
            direction.in_order(dh)[-1] = dy
        else:
            dh[...] = steps_first(dy)
        self.make_room(direction, back=True)
        self._spread(lambda rows: self._back_in_stretches(direction, rows, *(a[:, rows] for a in (z, h, dh, dz))))
        return dz

    def _back_in_stretches(self, direction: Direction, rows: slice, *whole: Array) -> None:
        z, h, dh, dz = (direction.in_order(steps) for steps in whole)
        t = len(z)
        stretch = self.truncate or t
        for stop in range(t, 0, -stretch):
            if self.output == "last" and stop < t:
                self.skip_back(direction, rows, slice(0, stop), dz[:stop])
                return
            part = slice(max(stop - stretch, 0), stop)
            states = slice(part.start, part.stop + 1)
            self.run_back(direction, rows, part, z[part], h[states], dh[part], dz[part])

    def _memory(self, direction: Direction) -> tuple[Array, Array]:
        """Return the gates z (t, n, gates·units) and states (t + 1, n, units) of a direction, as they lie in memory."""
        t, n, _ = self.x.shape
        z = direction.scratch("z", (t, n, self.gates * self.units), self.x)
        return z, direction.scratch("h", (t + 1, n, self.units), self.x)

    def _handed_on(self) -> Array:
        states = [self._memory(direction)[1] for direction in self.directions]
        if self.output == "last":
            last = [direction.in_order(h)[-1] for direction, h in zip(self.directions, states, strict=True)]
            return last[0] if len(last) == 1 else self._side_by_side(last)
        every = [
            h[:-1] if direction.is_backward else h[1:] for direction, h in zip(self.directions, states, strict=True)
        ]
        t, n, units = every[0].shape
        y = self.scratch("y", (n, t, len(every) * units), self.x)
        for number, h in enumerate(every):
            y[..., number * units : (number + 1) * units] = steps_first(h)
        return y

    def _side_by_side(self, both: list[Array]) -> Array:
        y = self.scratch("y", (len(both[0]), 2 * self.units), self.x)
        y[:, : self.units], y[:, self.units :] = both
        return y

    def _turned(self, x: Array, role: str) -> Array:
        """Return a copy of x (n, t, k) as (t, n, k), or the other way round, without gaps in memory."""
        t, n, k = x.shape
        copy = self.scratch(role, (n, t, k), x)
        copy[...] = steps_first(x)
        return copy

    @property
    def multiply_adds(self) -> int:
        return len(self.directions) * self.steps * (self.n_in + self.units) * self.gates * self.units

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        t, u, directions = self.steps, self.units, len(self.directions)
        of_step = self.gates * u + u
        of_direction = t * of_step + u + self.kept_of_direction(train)
        of_inputs = t * self.n_in
        if train:
            of_direction += t * of_step
            of_inputs += (1 + directions) * t * self.n_in
        handed_on = directions * u * (t if self.output == "every" else 1 if self.bidirectional else 0)
        return n * (directions * of_direction + of_inputs + handed_on) + directions * self._turned_or_packed(train)

    def _turned_or_packed(self, train: bool) -> int:
        """Return how many numbers of U are kept in another order, in each direction."""
        u, wide = self.units, self.gates * self.units
        if not self.needs_loops:
            return wide * u if train else 0
        packed = [(u, wide), (wide, u)] if train else [(u, wide)]
        return sum(math.prod(block_products.packed_shape(*shape)) for shape in packed)

    def of_product(self, numbers: int) -> int:
        """Return how many numbers `work` has for each example."""
        return block_products.padded(numbers) if self.needs_loops else numbers

    def kept_of_direction(self, train: bool) -> int:
        """Return how many numbers of an example a concrete layer keeps in each direction beside z and h."""
        raise NotImplementedError


BACK = "back_"
"""The prefix of the names of parameters of the backward direction."""


def _of_direction(direction: Direction, views: dict[str, Array]) -> dict[str, Array]:
    """Return the views of one direction, by the names of the other."""
    if direction.is_backward:
        return {name.removeprefix(BACK): view for name, view in views.items() if name.startswith(BACK)}
    return {name: view for name, view in views.items() if not name.startswith(BACK)}


def flat(steps: Array) -> Array:
    """Return steps (t, n, k), which lie without gaps, as one matrix (t·n, k)."""
    return steps.reshape(-1, steps.shape[-1])
