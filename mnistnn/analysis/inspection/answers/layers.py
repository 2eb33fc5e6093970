"""How a layer is shown: any layer, with what its contract gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Box, Feeding, Numbers, Picture, whole
from mnistnn.analysis.inspection.answers.formulas import about, factor, formulas_in, number
from mnistnn.backend.arrays import array_module, to_host
from mnistnn.layers.activations import ACTIVATIONS
from mnistnn.layers.contract import BaseLayer
from mnistnn.types import Array


@dataclass(frozen=True, eq=False)
class Back:
    """What a layer computed backward: dz, if it has an activation, and dx, on the device."""

    dx: Array
    dz: Numbers | None = None
    note: str = ""


class ShownLayer:
    """A layer and the pass of one example through it: x and y, without the axis of examples, on the host.

    A concrete one says what feeds a unit. This one shows any layer, also one of the user's own: its formula is its
    docstring's, and of a unit it finds the derivative by each input.
    """

    kernels: ClassVar[Sequence[Callable[..., Any]]] = ()
    """The functions whose docstrings have the formulas, forward and backward."""

    def __init__(self, layer: BaseLayer, x: Array, y: Array) -> None:
        self.layer: Any = layer
        self._x_on_device = array_module(x).array(x)  # a copy: layers lend what they return
        self.x, self.y = on_host(x[0]), on_host(y[0])
        self.has_gradient = False
        """Whether a backward pass has filled the layer's gradients."""

    @property
    def about(self) -> str:
        return about(type(self.layer).__doc__)

    def formulas(self) -> list[str]:
        """Return the formulas of the forward pass."""
        found = formulas_in(type(self.layer).__doc__) or formulas_in(type(self.layer).forward.__doc__)
        return [*found, *(line for kernel in self.kernels[:1] for line in formulas_in(kernel.__doc__))]

    def backward_formulas(self) -> list[str]:
        """Return the formulas of the backward pass."""
        return [line for kernel in self.kernels[1:] for line in formulas_in(kernel.__doc__)]

    def pictures(self) -> list[Picture]:
        """Return what is shown of the pass: y, and what else the layer kept."""
        return [Picture("y", self.y)]

    def backward(self, dy: Array) -> Back:
        """Return the derivatives by x (1, …) of what has those by y; those by parameters are in the layer's gradients.

        Of a layer that nothing is known of, the pass of training is taken: only after that is a backward pass promised.
        The caller puts statistics back that it may have moved.
        """
        y = self._passed_as_in_training()
        is_another = not np.array_equal(on_host(y[0]), self.y)
        dx = self.layer.backward(dy)
        return Back(dx, note="as in training, where it computes something else than in use" if is_another else "")

    def _passed_as_in_training(self) -> Array:
        if self.layer.is_random:
            self.layer.begin_update(0)
        return self.layer.forward(self._x_on_device, train=True)

    def feeding(self, place: tuple[int, ...]) -> Feeding:
        """Return what feeds a unit. The layer's gradients are overwritten."""
        xp = array_module(self._x_on_device)
        y = self._passed_as_in_training()
        dy = xp.zeros_like(y)
        dy[(0, *place)] = 1.0
        slopes = on_host(self.layer.backward(dy)[0])
        value = float(self.y[place])
        return Feeding(
            place, value, [f"y = {number(value)}"], self.box_of(place), self.x, slopes,
            note="the derivative of this unit by each input takes the place of weights, which only the layer knows",
            are_slopes=True,
        )  # fmt: skip

    def box_of(self, place: tuple[int, ...]) -> Box:
        """Return what a unit is computed of, as a box of x."""
        return self.field([(i, i + 1) for i in place])

    def field(self, box: Box) -> Box:
        """Return the box of x that a box of y is computed of."""
        return whole(self.x.shape)

    def _activated(self, z: float, y: float) -> list[str]:
        """Return the lines of a unit's activation."""
        f = self.layer.activation
        return [f"y = z = {number(y)}"] if f == "linear" else [f"y = {f}(z) = {f}({number(z)}) = {number(y)}"]

    def _slope_applied(self, dy: Array) -> Numbers:
        """Return dz = dy f'(z), by the kernel of the activation; dy stays as it is."""
        dz, y = on_host(dy[0]), self.y.astype(on_host(dy[0]).dtype)
        ACTIVATIONS[self.layer.activation].backward(dz, y)
        return dz


class Unchanging(ShownLayer):
    """A layer whose backward pass goes with its forward pass in use."""

    def backward(self, dy: Array) -> Back:
        return Back(self.layer.backward(dy))


class ElementByElement(Unchanging):
    """A layer of which each unit has one input, at the same place."""

    def field(self, box: Box) -> Box:
        return box

    def feeding(self, place: tuple[int, ...]) -> Feeding:
        at = tuple(slice(i, i + 1) for i in place)
        return Feeding(place, float(self.y[place]), self.lines(place), self.box_of(place), self.x[at])

    def lines(self, place: tuple[int, ...]) -> list[str]:
        """Return the formula of a unit with its numbers."""
        return [f"y = x = {number(float(self.y[place]))}"]


class ShownActivation(ElementByElement):
    """f of each element."""

    def formulas(self) -> list[str]:
        return [f"y = f(x) with f = {self.layer.activation}", *_sentence(ACTIVATIONS[self.layer.activation].forward)]

    def backward_formulas(self) -> list[str]:
        return _sentence(ACTIVATIONS[self.layer.activation].backward)

    def backward(self, dy: Array) -> Back:
        dz = self._slope_applied(dy)
        return Back(self.layer.backward(dy), dz)

    def lines(self, place: tuple[int, ...]) -> list[str]:
        x, y = float(self.x[place]), float(self.y[place])
        return [f"y = {self.layer.activation}({number(x)}) = {number(y)}"]


class ShownDropout(ElementByElement):
    """In use, nothing is dropped."""

    def backward(self, dy: Array) -> Back:
        return Back(dy)


class ShownFlatten(ElementByElement):
    """The same numbers in a row."""

    def field(self, box: Box) -> Box:
        ((start, stop),) = box
        if stop - start != 1:
            return whole(self.x.shape)
        return [(int(i), int(i) + 1) for i in np.unravel_index(start, self.x.shape)]

    def feeding(self, place: tuple[int, ...]) -> Feeding:
        box, value = self.box_of(place), float(self.y[place])
        names = ", ".join(str(start) for start, _ in box)
        return Feeding(place, value, [f"y = x[{names}] = {number(value)}"], box, self.x[slices(box)])


class ShownBatchNorm(ElementByElement):
    """With the mean and variance of what was seen in training, which stay as they are."""

    def __init__(self, layer: BaseLayer, x: Array, y: Array) -> None:
        super().__init__(layer, x, y)
        self.gamma, self.beta, self.mean, self.variance = (
            on_host(a) for a in (self.layer.gamma, self.layer.beta, self.layer.mean, self.layer.variance)
        )

    def backward_formulas(self) -> list[str]:
        return ["dβ = Σ dy;  dγ = Σ dy x̂;  dx = dy γ / √(variance + ε), with mean and variance as they are in use"]

    def backward(self, dy: Array) -> Back:
        """In use, mean and variance do not depend on x: the layer is affine."""
        layer, own = self.layer, on_host(dy[0])
        by_feature = (-1, *(1,) * (own.ndim - 1)) if layer.is_of_images else own.shape
        mean, gamma, deviation = (
            a.reshape(by_feature) for a in (self.mean, self.gamma, np.sqrt(self.variance + layer.epsilon))
        )
        axes = (1, 2) if layer.is_of_images else ()
        x_hat = (self.x - mean) / deviation
        for grad, value in ((layer.dgamma, (own * x_hat).sum(axis=axes)), (layer.dbeta, own.sum(axis=axes))):
            grad[...] = array_module(grad).asarray(value.reshape(grad.shape).astype(own.dtype))
        dx = (own * gamma / deviation).astype(own.dtype)
        return Back(array_module(dy).asarray(dx[None]))

    def lines(self, place: tuple[int, ...]) -> list[str]:
        layer = self.layer
        at = place[0] if layer.is_of_images else int(np.ravel_multi_index(place, self.x.shape))
        gamma, beta, mean, variance = (float(a[at]) for a in (self.gamma, self.beta, self.mean, self.variance))
        return [
            "y = γ (x − mean) / √(variance + ε) + β",
            f"y = {factor(gamma)}·({number(float(self.x[place]))} − {factor(mean)}) / √({number(variance)} + "
            f"{layer.epsilon:g}) + {factor(beta)} = {number(float(self.y[place]))}",
        ]


def _sentence(kernel: Callable[..., Any]) -> list[str]:
    return [line for line in [about(kernel.__doc__)] if line]


def on_host(a: Array) -> Numbers:
    """Return a copy of an array on the host, in the order in which it is indexed."""
    copy: Numbers = np.array(to_host(a), order="C")
    return copy


def slices(box: Box) -> tuple[slice, ...]:
    """Return what takes a box out of an array."""
    return tuple(slice(start, stop) for start, stop in box)
