"""How fully connected layers are shown: sums over all inputs."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Box, Feeding, Numbers, whole
from mnistnn.analysis.inspection.answers.formulas import largest_terms, number, summed
from mnistnn.analysis.inspection.answers.layers import Back, Unchanging, on_host
from mnistnn.backend.arrays import array_module
from mnistnn.kernels import dense, dropconnect
from mnistnn.types import Array


class ShownDense(Unchanging):
    """y = f(x W + b)."""

    kernels: ClassVar[Sequence[Callable[..., Any]]] = (dense.dense, dense.dense_backward)

    def backward(self, dy: Array) -> Back:
        dz = self._slope_applied(dy)
        return Back(self.layer.backward(dy), dz)

    def weights_of(self, unit: int) -> Numbers:
        """Return the weights into a unit (n_in,), as they are in use."""
        return on_host(self.layer.W[:, unit])

    @property
    def _is_of_steps(self) -> bool:
        return bool(getattr(self.layer, "each_step", False))

    def field(self, box: Box) -> Box:
        return [box[0], (0, self.x.shape[1])] if self._is_of_steps else whole(self.x.shape)

    def feeding(self, place: tuple[int, ...]) -> Feeding:
        unit = place[-1]
        x = self.x[place[0]][None] if self._is_of_steps else self.x
        w, b = self.weights_of(unit), float(self.layer.b[unit])
        flat = x.reshape(-1)
        terms, others = largest_terms(_names(x.shape), flat, w)
        z = float(flat.astype(np.float64) @ w.astype(np.float64)) + b
        value = float(self.y[place])
        lines = [
            f"z = Σᵢ xᵢ W[i, {unit}] + b[{unit}]",
            f"z = {summed(terms, others, ('b', b))} = {number(z)}",
            *self._activated(z, value),
        ]
        gradient = on_host(self.layer.dW[:, unit]).reshape(x.shape) if self.has_gradient else None
        box = self.box_of(place)
        return Feeding(place, value, lines, box, x, w.reshape(x.shape), terms, others, gradient)


class ShownDropConnect(ShownDense):
    """In use with the mean weights, W · keep."""

    kernels = (dropconnect.masked_dense, dropconnect.masked_dense_backward)

    def backward(self, dy: Array) -> Back:
        """The mask of use is `keep` throughout."""
        layer, xp = self.layer, array_module(dy)
        layer.mask = xp.full((1, *layer.W.shape), layer.keep, dtype=layer.W.dtype)
        return super().backward(dy)

    def weights_of(self, unit: int) -> Numbers:
        w: Numbers = on_host(self.layer.W[:, unit]) * self.layer.W.dtype.type(self.layer.keep)
        return w


def _names(shape: tuple[int, ...]) -> list[str]:
    """Return the names of inputs by their places."""
    return [f"x[{', '.join(map(str, place))}]" for place in np.ndindex(*shape)]
