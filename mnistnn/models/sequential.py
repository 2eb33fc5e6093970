"""A chain of layers whose parameters are one vector (see `flat.py`); each layer sees reshaped views of its part."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Annotated, Any, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import steps_first
from mnistnn.backend.rng import legacy_stream, stream
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.errors import ConfigError
from mnistnn.layers import Layer
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layers.recurrent_base import RecurrentBase
from mnistnn.models.flat import FlatModel
from mnistnn.types import Array, Shape, ShapeError

LayerName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)]


@component
class Sequential(FlatModel):
    """Layers applied one after the other."""

    type: Literal["sequential"] = "sequential"
    layers: Annotated[dict[LayerName, Layer], Field(min_length=1)]
    """The layers in order, each under a name of its own, by which overrides and messages address it."""
    random_state: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Draw all initial weights, layer by layer, from numpy.random.RandomState of this seed, as programs of the Theano
    years did; null derives them from the experiment's seed."""

    def build(self, in_shape: Shape, ragged: bool = False) -> Shape:
        """Chain the shapes, lay out the values, and return the output shape. Raises ConfigError naming the layer.

        ragged  inputs are sequences (steps, features) of which not all have all steps; each step of x has one number
                more, at its end: 1 if the example has that step, else 0. So batches, permutations and devices need to
                know nothing of lengths
        """
        self.ragged = ragged
        declared: list[tuple[str, Parameter]] = []
        self.shapes: dict[str, Shape] = {}  # of each layer's output
        shape = in_shape
        for name, layer in self.layers.items():
            try:
                if ragged and not declared and not isinstance(layer, RecurrentBase):
                    raise ShapeError(
                        f"sequences of different lengths are read by recurrent layers, and this one is {layer.type}"
                    )
                shape, parameters = layer.build(shape)
            except ShapeError as error:
                raise ConfigError(str(error), key=f"model.layers.{name}") from error
            self.shapes[name] = shape
            declared += [(f"{name}.{parameter.name}", parameter) for parameter in parameters]
        self.lay_out(declared)
        self.outputs = prod(shape)
        """The number of outputs."""
        return shape

    def allocate(self, xp: Any, dtype: str) -> None:
        self._theta_dot: Array | None = None
        self._scratch = Scratch()
        self._chain: list[BaseLayer] = list(self.layers.values())
        self._random = [layer for layer in self._chain if layer.is_random]
        self.carrying = {
            name: layer
            for name, layer in self.layers.items()
            if isinstance(layer, RecurrentBase) and layer.carry is not None
        }
        """The layers that begin where they were at the end of the batch before."""
        # Nothing is learned before the first layer with parameters, so the backward pass ends there.
        owners = {slot.name.split(".")[0] for slot in self.slots}
        self._first = next((i for i, name in enumerate(self.layers) if name in owners), len(self._chain))
        super().allocate(xp, dtype)

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        for name, layer in self.layers.items():
            layer.bind(_of_layer(name, values), _of_layer(name, grads))

    def initialize(self, seed: int) -> None:
        """Draw the initial parameters, and let each layer know its random streams."""
        for part, layer in enumerate(self._chain):
            layer.seed(seed, part)
        self.draw(stream(seed, "init") if self.random_state is None else legacy_stream(self.random_state))

    def carried(self) -> dict[str, Array]:
        """Return what layers carry from batch to batch, never rebound, by name."""
        layers = self.carrying.items()
        return {f"{name}.{state}": array for name, layer in layers for state, array in layer.carried.items()}

    @property
    def random_layers(self) -> list[BaseLayer]:
        """The layers that draw random numbers in training."""
        return self._random

    @property
    def multiply_adds(self) -> int:
        """Multiplications (each with an addition) of one example's forward pass, in matrix products."""
        return sum(layer.multiply_adds for layer in self.layers.values())

    def begin_update(self, update: int, piece: int = 0) -> None:
        """Let random layers stand at the beginning of an update's stream, for one of the pieces of its batch."""
        for layer in [*self._random, *self.carrying.values()]:
            layer.begin_update(update, piece)

    def project(self) -> None:
        """Let layers move their parameters to where their constraints want them."""
        for layer in self._chain:
            layer.project()

    def forward(self, x: Array, train: bool) -> Array:
        """Map x (n, *in_shape) to the last layer's output, lent until the next call."""
        x = self._without_mask(x)
        for layer in self._chain:
            x = layer.forward(x, train)
        return x

    def scores(self, x: Array) -> Array:
        """Return the last layer's output in use for x (n, *in_shape), lent until the next call."""
        return self.forward(x, train=False)

    def layer_by_layer(self, x: Array) -> Iterator[tuple[str, Array]]:
        """Yield each layer's name, and its output in use for x (n, *in_shape), lent until the next is asked for."""
        x = self._without_mask(x)
        for name, layer in self.layers.items():
            x = layer.forward(x, train=False)
            yield name, x

    def sample(self, x: Array) -> Array:
        """Map x as `forward` does in use, but with the masks of the update that `begin_update` named."""
        x = self._without_mask(x)
        for layer in self._chain:
            x = layer.forward(x, train=layer.is_random)
        return x

    def _without_mask(self, x: Array) -> Array:
        """Give the mask of x to recurrent layers, and return the other features of x."""
        if not self.ragged:
            return x
        given = steps_first(x[..., -1:])
        mask = self._scratch("mask", given.shape, x)
        mask[...] = given
        for layer in self._chain:
            if isinstance(layer, RecurrentBase):
                layer.step_mask = mask
        return x[..., :-1]

    def backward(self, dy: Array) -> None:
        """Overwrite grad with the gradients belonging to the last forward pass; dy is overwritten."""
        for layer in reversed(self._chain[self._first + 1 :]):
            dy = layer.backward(dy)
        if self._first < len(self._chain):
            self._chain[self._first].backward(dy, need_dx=False)

    def backward_to_input(self, dy: Array) -> Array:
        """Do the same, and return dx (n, *in_shape), lent: the derivatives by the inputs, which no training needs."""
        for layer in reversed(self._chain):
            dy = layer.backward(dy)
        return dy

    def jvp(self, theta_dot: Array) -> Array:
        """Return z_dot = J theta_dot, how the output of the last forward pass changes with theta; lent like it.

        A backward pass may follow, as if this had not been between.
        """
        if self._theta_dot is None:
            self._theta_dot = array_module(self.theta).empty_like(self.theta)
            tangents = self.views(self._theta_dot)
            for name, layer in self.layers.items():
                layer.bind_tangents(_of_layer(name, tangents))
        self._theta_dot[...] = theta_dot
        x_dot: Array | None = None
        for one in self._chain[self._first :]:
            x_dot = one.jvp(x_dot)
        assert x_dot is not None
        return x_dot

    def keep(self) -> Callable[[], None]:
        """Return a function that brings the last forward pass back after a backward pass, if no other was between."""
        kept = [
            (array, self._scratch(f"{number}.{place}", array.shape, array))
            for number, layer in enumerate(self._chain)
            for place, array in enumerate(layer.overwritten)
        ]
        for array, copy in kept:
            copy[...] = array

        def bring_back() -> None:
            for array, copy in kept:
                array[...] = copy

        return bring_back

    def backward_diagonal(self, hy: Array) -> None:
        """Overwrite grad with what second derivatives hy by the output, on the diagonal, make of those by theta."""
        for layer in reversed(self._chain[self._first + 1 :]):
            hy = layer.backward_diagonal(hy)
        self._chain[self._first].backward_diagonal(hy, need_hx=False)

    def backward_per_example(self, dy: Array, gradients: Array) -> None:
        """Write into gradients (k, n, size) the derivatives by theta of k functions of each example's output.

        dy (k, n, *out_shape), overwritten, are those by the output of the last forward pass.
        """
        views = {
            slot.name: gradients[:, :, slot.part].reshape(*gradients.shape[:2], *slot.parameter.shape)
            for slot in self.slots
        }
        names = list(self.layers)
        for at in range(len(names) - 1, self._first, -1):
            dy = self._chain[at].backward_per_example(dy, _of_layer(names[at], views))
        self._chain[self._first].backward_per_example(dy, _of_layer(names[self._first], views), need_dx=False)


def _of_layer(name: str, views: dict[str, Array]) -> dict[str, Array]:
    prefix = name + "."
    return {key.removeprefix(prefix): view for key, view in views.items() if key.startswith(prefix)}
