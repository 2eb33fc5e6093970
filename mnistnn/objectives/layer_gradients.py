"""The backward pass of one layer, or of one loss, by itself: so a mistake is found where it is made."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnistnn.errors import CheckFailedError
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.losses import Criterion
from mnistnn.objectives.gradient_check import INPUT, SCORES, GradientRow, check_array
from mnistnn.types import Array, Shape


@dataclass(frozen=True)
class BoundLayer:
    """A layer with arrays of its own, by the names of its parameters: values, and the gradients by them."""

    layer: BaseLayer
    parameters: Sequence[Parameter]
    values: dict[str, Array]
    grads: dict[str, Array]

    @property
    def learned(self) -> list[str]:
        """The names of parameters that the optimizer moves."""
        return [parameter.name for parameter in self.parameters if parameter.kind != "statistic"]

    def begin(self, update: int = 0) -> None:
        """Stand at the beginning of an update's random stream."""
        self.layer.begin_update(update)


def bound_layer(layer: BaseLayer, in_shape: Shape, rng: np.random.Generator, dtype: str = "float64") -> BoundLayer:
    """Build a layer for inputs of a shape, and give it random parameters, no zeros among them. Raises ShapeError.

    Gradients begin as NaN: a layer that adds to them instead of overwriting them is seen.
    """
    _, parameters = layer.build(in_shape)
    values = {parameter.name: _drawn(parameter, rng).astype(dtype) for parameter in parameters}
    grads = {name: np.full_like(value, np.nan) for name, value in values.items()}
    layer.bind(values, grads)
    layer.seed(0, 0)
    bound = BoundLayer(layer, parameters, values, grads)
    bound.begin()
    return bound


def _drawn(parameter: Parameter, rng: np.random.Generator) -> np.ndarray:
    """Return how a parameter starts, with noise: zeros would hide mistakes."""
    start = parameter.init.draw(rng, parameter.shape, parameter.fan)
    scale = 1.0 / np.sqrt(parameter.fan.n_in) if parameter.kind == "weight" else 0.3
    noise = rng.normal(0.0, scale, parameter.shape)
    return start + (abs(noise) if parameter.kind == "statistic" else noise)


def check_layer(bound: BoundLayer, x: Array, rng: np.random.Generator, coordinates: int | None) -> list[GradientRow]:
    """Compare the derivatives of a random weighted sum of a layer's outputs with differences: by each parameter, and by
    the inputs x (n, *in_shape), float64, which are moved meanwhile.

    What is random stands still: it is that of update 0. For `coordinates` see `check_array`. Raises CheckFailedError if
    there is no derivative by the inputs.
    """
    layer, values = bound.layer, bound.values
    statistics = {p.name: values[p.name].copy() for p in bound.parameters if p.kind == "statistic"}

    def forward() -> Array:
        for name, value in statistics.items():  # which a forward pass moves
            values[name][...] = value
        bound.begin()
        return layer.forward(x, train=True)

    y = forward()
    weights = rng.normal(size=y.shape)
    magnitude = float(np.abs(y * weights).sum())
    dx = layer.backward(weights.copy())
    if dx is None:
        raise CheckFailedError("the backward pass returns no derivative by the input")
    grads = {name: bound.grads[name].copy() for name in bound.learned}
    arrays = [*((name, values[name], grads[name]) for name in bound.learned), (INPUT, x, dx.copy())]
    return [
        check_array(name, lambda: float((forward() * weights).sum()), at, gradient, rng, coordinates, magnitude)
        for name, at, gradient in arrays
    ]


def check_scores(
    loss: Criterion, z: Array, labels: Array, rng: np.random.Generator, coordinates: int | None
) -> GradientRow:
    """Compare a loss's dz with differences of its mean over examples; z (n, *out_shape), float64, moves meanwhile."""
    gradient = loss.value_and_dz(z, labels)[1].copy()
    return check_array(SCORES, lambda: float(loss.value_and_dz(z, labels)[0]), z, gradient, rng, coordinates)
