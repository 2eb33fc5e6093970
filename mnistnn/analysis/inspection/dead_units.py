"""Dead units: units whose output is the same for all inputs; they compute nothing and hardly learn any more.

Looked at are layers with an activation, as they are in use. A unit of a convolution is a map, at all of its positions.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mnistnn.analysis.inspection.saturation import activation_of, is_saturated
from mnistnn.backend.arrays import to_host
from mnistnn.errors import DivergedError, UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.layers.activations import ActivationName
from mnistnn.types import Array, SplitName

NEARLY_ALL = 0.99
"""A unit is saturated if this share of its outputs is."""

_ROUNDING = 4.0  # units in the last place by which outputs of one value may differ: sums are not always added alike


@dataclass(frozen=True)
class LayerUnits:
    """One layer: how many units, and the numbers, from 0, of those that do not move. None is in two lists.

    dead       a ReLU's output is never above 0
    saturated  nearly all outputs are where the activation is flat
    constant   all outputs are the same
    """

    name: str
    type: str
    activation: ActivationName
    units: int
    dead: list[int]
    saturated: list[int]
    constant: list[int]


@dataclass(frozen=True)
class Found:
    """The result of `dead_units`, over so many examples."""

    examples: int
    layers: list[LayerUnits]


class _Watch:
    """The extremes of each unit's outputs, and how many of them are saturated, over all batches so far."""

    def __init__(self, name: str, kind: str, activation: ActivationName) -> None:
        self.name, self.kind, self.activation = name, kind, activation
        self.outputs = 0  # of each unit
        self.lowest: Any = np.inf  # (units,), once a batch was seen
        self.highest: Any = -np.inf
        self.saturated: Any = 0

    def observe(self, y: Array) -> None:
        """Take in outputs (n, units), (n, h, w) or (n, maps, h, w)."""
        y = y[:, None] if y.ndim == 3 else y
        others = tuple(axis for axis in range(y.ndim) if axis != 1)
        self.outputs += len(y) * prod(y.shape[2:])
        self.lowest = np.minimum(self.lowest, to_host(y.min(axis=others)))
        self.highest = np.maximum(self.highest, to_host(y.max(axis=others)))
        saturated = is_saturated(y, self.activation)
        if saturated is not None:
            self.saturated = self.saturated + to_host(saturated.sum(axis=others))

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.lowest).all() and np.isfinite(self.highest).all())

    def result(self) -> LayerUnits:
        units = len(self.lowest)
        dead = (self.highest <= 0) & (self.activation == "relu")
        saturated = np.broadcast_to(self.saturated >= NEARLY_ALL * self.outputs, units)
        tolerance = _ROUNDING * np.finfo(self.lowest.dtype).eps
        is_constant = self.highest - self.lowest <= tolerance * np.maximum(abs(self.highest), abs(self.lowest))
        constant = is_constant & ~dead & ~saturated
        lists = (np.flatnonzero(which).tolist() for which in (dead, saturated, constant))
        return LayerUnits(self.name, self.kind, self.activation, units, *lists)


def dead_units(trained: Trained, split: SplitName, examples: int | None = None) -> Found:
    """Watch the units of a model over a split, or its first so many examples.

    Raises UsageError for a split without examples and for a model without activations, DivergedError if outputs are not
    finite, DataError if the digits are not there.
    """
    network = trained.task.network
    watches: dict[str, _Watch] = {}
    for name, layer in network.layers.items():
        activation = activation_of(layer)
        if activation is not None and activation != "linear":
            watches[name] = _Watch(name, layer.type, activation)
    if not watches:
        raise UsageError("no layer of this model has an activation, so no unit can be dead")
    n = 0
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        for x, labels in trained.batches(split, examples):
            n += len(labels)
            for name, y in network.layer_by_layer(x):
                if name in watches:
                    watches[name].observe(y)
    for watch in watches.values():
        if not watch.is_finite:
            raise DivergedError(f"{trained.file}: the outputs of {watch.name} are not finite numbers")
    return Found(n, [watch.result() for watch in watches.values()])


def lines_of(layer: LayerUnits) -> list[str]:
    """Return what there is to say of a layer: a line with its units, and one for each way in which some do not move."""
    unit = "maps" if layer.type == "conv" else "units"
    kinds = (("dead", layer.dead), ("saturated", layer.saturated), ("constant", layer.constant))
    still = [
        f"  {kind} {len(which):,} ({100 * len(which) / layer.units:.1f} %): {shortened(which)}"
        for kind, which in kinds
        if which
    ]
    return [
        f"{layer.name}, {layer.type}, {layer.activation}: {layer.units:,} {unit}{'' if still else ', all move'}",
        *still,
    ]


def shortened(numbers: list[int], most: int = 12) -> str:
    """Return ascending numbers, neighbours drawn together, and no more than `most` such parts: 3, 7-9 and 5 more."""
    parts: list[tuple[int, int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1] = (parts[-1][0], number)
        else:
            parts.append((number, number))
    text = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in parts[:most])
    rest = sum(last - first + 1 for first, last in parts[most:])
    return f"{text} and {rest:,} more" if rest else text
