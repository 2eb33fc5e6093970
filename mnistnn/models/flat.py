"""The base of models that are trained by steps: parameters in one vector, under names and shapes.

All parameters lie end to end in `theta`, all gradients in `grad`; what a model works with are reshaped views. So an
optimizer is a few operations on vectors, a checkpoint is a copy of one, and a gradient check moves one number. What
training collects beside the parameters (the statistics of batch normalisation, the means of a centred RBM) lies
behind them, in the same memory: `values` is both, and is all that a trained model consists of.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.layers.contract import Parameter
from mnistnn.layers.initializers import RandomGenerator
from mnistnn.types import Array


@dataclass(frozen=True)
class Slot:
    """Where one array lies in values, and a parameter in theta and grad: [start, stop)."""

    name: str
    start: int
    stop: int
    parameter: Parameter

    @property
    def part(self) -> slice:
        return slice(self.start, self.stop)

    @property
    def is_bias(self) -> bool:
        return self.parameter.kind == "bias"


@component
class FlatModel:
    """Abstract: a model whose parameters, in the order of their declaration, are one vector."""

    type: str
    """The name of the model in an experiment."""

    def lay_out(self, declared: list[tuple[str, Parameter]]) -> None:
        """Give each declared array its place."""
        self.slots = _laid_out([d for d in declared if d[1].kind != "statistic"], start=0)
        self.size = self.slots[-1].stop if self.slots else 0
        """The number of parameters."""
        self.statistics = _laid_out([d for d in declared if d[1].kind == "statistic"], start=self.size)

    def allocate(self, xp: Any, dtype: str) -> None:
        """Create values, theta and grad (size,), and take the views of them."""
        self.values: Array = xp.zeros(self.statistics[-1].stop if self.statistics else self.size, dtype=dtype)
        self.theta: Array = self.values[: self.size]
        self.grad: Array = xp.zeros(self.size, dtype=dtype)
        self.bind(self.views(self.values), self.views(self.grad))

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take the views of values and grad, by name; they are never rebound after."""
        raise NotImplementedError

    def draw(self, rng: RandomGenerator) -> None:
        """Draw the initial parameters, on the host and in float64, so that every device and dtype starts alike."""
        start = np.empty(self.values.size)
        for slot in [*self.slots, *self.statistics]:
            parameter = slot.parameter
            start[slot.part] = parameter.init.draw(rng, parameter.shape, parameter.fan).reshape(-1)
        self.values[...] = array_module(self.values).asarray(start)
        self.grad[...] = 0.0

    @property
    def layout(self) -> list[tuple[str, list[int]]]:
        """Return name and shape of each array in values, in order."""
        return [(slot.name, list(slot.parameter.shape)) for slot in [*self.slots, *self.statistics]]

    def weights_into(self, name: str) -> Array:
        """Return the weights into a layer, or a side, that has some: the first of its parameters that are weights."""
        slots = (s for s in self.slots if s.name.split(".")[0] == name and s.parameter.kind == "weight")
        slot = next(slots)
        return self.theta[slot.part].reshape(slot.parameter.shape)

    def views(self, flat: Array) -> dict[str, Array]:
        """Return the named, shaped parts of a vector laid out like theta, or like values."""
        slots = self.slots if flat.size == self.size else [*self.slots, *self.statistics]
        return {slot.name: flat[slot.part].reshape(slot.parameter.shape) for slot in slots}


def _laid_out(declared: list[tuple[str, Parameter]], start: int) -> list[Slot]:
    """Return a slot for each named array, one after the other from `start` on."""
    slots = []
    for name, parameter in declared:
        stop = start + prod(parameter.shape)
        slots.append(Slot(name, start, stop, parameter))
        start = stop
    return slots
