"""One example's pass through a network, forward and backward, layer by layer."""

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Backward, BackwardPart, Feeding, Numbers, Part
from mnistnn.analysis.inspection.answers.formulas import formulas_in
from mnistnn.analysis.inspection.answers.layer_kinds import shown
from mnistnn.analysis.inspection.answers.layers import ShownLayer, on_host
from mnistnn.backend.arrays import array_module
from mnistnn.errors import UsageError
from mnistnn.losses import Loss
from mnistnn.models.sequential import Sequential
from mnistnn.types import Array

_LARGE = 40_000  # numbers of a matrix: more are shown by the lengths of its columns
_MANY = 2_000  # numbers of kernels: more are shown by the lengths of these
_TALL = 3  # times as high as wide


class NetworkPass:
    """The pass of one example, x (1, *in_shape), in use. The network may be asked nothing else meanwhile."""

    def __init__(self, network: Sequential, x: Array) -> None:
        self.network, self.layers = network, dict[str, ShownLayer]()
        kept = array_module(x).array(x)
        for name, y in network.layer_by_layer(x):
            self.layers[name] = shown(network.layers[name], kept, y)
            kept = array_module(y).array(y)
        self.z = kept

    def parts(self) -> list[Part]:
        """Return all layers and what they computed."""
        return [
            Part(name, each.layer.type, each.about, each.formulas(), each.pictures(), has_units=each.y.size > 0)
            for name, each in self.layers.items()
        ]

    def backward(self, loss: Loss, target: int) -> Backward:
        """Return the backward pass for a target class, as the network is in use: nothing is dropped, and statistics
        stay as they are. The model's gradient is overwritten.
        """
        network, xp = self.network, array_module(self.z)
        values = network.values.copy()
        losses, dy = loss.losses_and_dz(self.z, xp.asarray(np.array([target])))
        value, dy = float(losses[0]), xp.array(dy)
        grads, parts = network.views(network.grad), []
        with _restored(network, values):
            for name, each in reversed(self.layers.items()):
                given = on_host(dy[0])
                back = each.backward(dy)
                each.has_gradient = True
                prefix = f"{name}."
                own = {
                    f"d{key.removeprefix(prefix)}": on_host(grad)
                    for key, grad in grads.items()
                    if key.startswith(prefix)
                }
                dy = xp.array(back.dx)
                arrays = {"dy": given, **({} if back.dz is None else {"dz": back.dz}), **own, "dx": on_host(dy[0])}
                parts.append(BackwardPart(name, each.layer.type, each.backward_formulas(), arrays, back.note))
        formulas = formulas_in(type(loss).__doc__)
        return Backward(target, value, formulas[0] if formulas else loss.type, parts, on_host(dy[0]))

    def feeding(self, name: str, place: tuple[int, ...]) -> Feeding:
        """Return what feeds a unit; after `backward`, with its gradient. Raises UsageError if there is no such unit."""
        if name not in self.layers:
            raise UsageError(f"there is no layer {name!r}; there are {', '.join(self.layers)}")
        each = self.layers[name]
        shape = each.y.shape
        if len(place) != len(shape) or not all(0 <= i < side for i, side in zip(place, shape, strict=True)):
            raise UsageError(f"{name} has no unit at {list(place)}: its output has the shape {list(shape)}")
        with _restored(self.network, self.network.values.copy()):
            feeding = each.feeding(place)
        box, names = [(i, i + 1) for i in place], list(self.layers)
        for before in reversed(names[: names.index(name) + 1]):
            box = self.layers[before].field(box)
        feeding.field[:] = box
        return feeding


class _restored:  # noqa: N801 - used as a context
    """Puts a network's values back, of which a pass as in training may move statistics."""

    def __init__(self, network: Sequential, values: Array) -> None:
        self.network, self.values = network, values

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.network.values[...] = self.values


def reduced(name: str, gradient: Numbers) -> tuple[Numbers, str]:
    """Return a gradient as it is shown, and what that is: of a large matrix the lengths of its columns, of many kernels
    the length of each; a tall matrix on its side.
    """
    if gradient.ndim == 4 and gradient.size > _MANY:
        return _lengths(gradient, (2, 3)), f"the length of each kernel of {name}: maps down, channels across"
    if gradient.ndim != 2 or not name.startswith("d"):
        return gradient, ""
    if gradient.size > _LARGE:
        return _lengths(gradient, (0,)), f"the lengths of the columns of {name}: one for each unit"
    if len(gradient) > _TALL * gradient.shape[1]:
        return gradient.T, f"{name} on its side: inputs across, units down"
    return gradient, ""


def _lengths(gradient: Numbers, axes: tuple[int, ...]) -> Numbers:
    lengths: Numbers = np.sqrt((gradient.astype(np.float64) ** 2).sum(axis=axes)).astype(gradient.dtype)
    return lengths
