"""Statistics of a trained model, layer by layer: outputs on the way forward, gradients on the way back.

What Glorot & Bengio (2010) looked at to see why deep nets were hard to train: outputs that saturate, and gradients that
shrink or grow from layer to layer.

The gradients are those of the mean loss, without penalties, over examples that are passed through the model at once.
Random layers are at their mean, as in use: a mask is what it is on average, the probability to keep. Batch
normalisation takes the mean and variance of the examples, as in training, the only derivative that it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from mnistnn.analysis.inspection.saturation import activation_of, is_saturated
from mnistnn.backend.arrays import to_host
from mnistnn.errors import DivergedError
from mnistnn.experiment.trained import Trained
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.models.sequential import Sequential
from mnistnn.tasks.by_class import class_counts
from mnistnn.types import Array, SplitName


@dataclass(frozen=True)
class Spread:
    """Of the numbers of an array: mean, standard deviation, extremes, Euclidean norm, share of exact zeros."""

    mean: float
    deviation: float
    smallest: float
    largest: float
    norm: float
    zeros: float


@dataclass(frozen=True)
class LayerStatistics:
    """One layer: its outputs, the share of them that is saturated if its activation can be, and the gradient of the
    mean loss with respect to them.
    """

    name: str
    type: str
    outputs: Spread
    saturated: float | None
    gradient: Spread


@dataclass(frozen=True)
class ParameterStatistics:
    """One parameter array: its norm, its gradient, and the gradient's norm divided by its own (None if that is 0)."""

    name: str
    norm: float
    gradient: Spread
    ratio: float | None


@dataclass(frozen=True)
class Statistics:
    """The result of `statistics_of`; `inputs` is what the first layer is given."""

    examples: int
    loss: float
    inputs: Spread
    layers: list[LayerStatistics]
    parameters: list[ParameterStatistics]


def spread_of(x: Array) -> Spread:
    """Return how the numbers of x are spread, with sums in float64."""
    on_host = to_host(x)
    mean, deviation = float(on_host.mean(dtype=np.float64)), float(on_host.std(dtype=np.float64))
    return Spread(
        mean,
        deviation,
        float(on_host.min()),
        float(on_host.max()),
        sqrt(on_host.size * (mean**2 + deviation**2)),
        1.0 - np.count_nonzero(on_host) / on_host.size,
    )


def statistics_of(trained: Trained, split: SplitName, examples: int) -> Statistics:
    """Pass the first examples of a split forward and back through a model. What it consists of stays as it was.

    Raises UsageError for a split without examples, DivergedError if an output is not finite, DataError if the digits
    are not there.
    """
    model, loss = trained.task.network, trained.task.loss
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        x, labels = trained.first(split, examples)
        before = model.values.copy()  # batch normalisation collects statistics
        try:
            if loss.needs_counts:
                loss.learn_from(class_counts(to_host(trained.placed("train").labels), trained.plan.classes))
            _hold_at_mean(model, x)
            outputs = _forward(trained, x)
            mean_loss, dy = loss.value_and_dz(outputs[-1][2], labels)
            gradients = _backward(model, dy)
        finally:
            model.values[...] = before
            for layer in model.random_layers:
                layer.draws_itself = True
    return Statistics(
        len(x),
        float(mean_loss),
        spread_of(x),
        [
            LayerStatistics(name, layer.type, spread, saturated, gradient)
            for (name, layer), (spread, saturated, _), gradient in zip(
                model.layers.items(), outputs, gradients, strict=True
            )
        ],
        _parameters(model),
    )


def _hold_at_mean(model: Sequential, x: Array) -> None:
    """Let random layers draw once for inputs x, so that they have masks; put into these what they are on average."""
    if not model.random_layers:
        return
    model.begin_update(0)
    model.forward(x, train=True)
    for layer in model.random_layers:
        assert isinstance(layer, Dropout | DropConnect), "no other layer is random"
        layer.draws_itself = False
        layer.mask[...] = layer.keep


def _forward(trained: Trained, x: Array) -> list[tuple[Spread, float | None, Array]]:
    """Pass x through the layers; return of each the spread of its outputs, the share that is saturated, and the
    outputs, of which only the last are sure to be still there.
    """
    found = []
    for name, layer in trained.task.network.layers.items():
        x = layer.forward(x, train=True)
        spread, saturated = spread_of(x), is_saturated(x, activation_of(layer))
        if not np.isfinite(spread.norm):
            raise DivergedError(f"{trained.file}: the outputs of {name} are not finite numbers")
        found.append((spread, None if saturated is None else float(saturated.mean()), x))
    return found


def _backward(model: Sequential, dy: Array) -> list[Spread]:
    """Pass a gradient back, down to the outputs of the first layer; return its spread at the outputs of each layer."""
    found = []
    for number, layer in reversed(list(enumerate(model.layers.values()))):
        found.append(spread_of(dy))  # before the layer uses it up
        dy = layer.backward(dy, need_dx=number > 0)
    return found[::-1]


def _parameters(model: Sequential) -> list[ParameterStatistics]:
    values, gradients = model.views(model.theta), model.views(model.grad)
    found = []
    for name, value in values.items():
        norm, gradient = spread_of(value).norm, spread_of(gradients[name])
        found.append(ParameterStatistics(name, norm, gradient, gradient.norm / norm if norm else None))
    return found


def table(found: Statistics) -> list[str]:
    """Return the statistics as lines: one per layer, then one per parameter array."""
    layers = [
        (
            "layer",
            "type",
            "mean",
            "deviation",
            "smallest",
            "largest",
            "zeros",
            "saturated",
            "gradient",
            "its norm",
            "zeros",
        ),
        ("input", "", *_row(found.inputs), "", "", "", ""),
        *(
            (
                each.name,
                each.type,
                *_row(each.outputs),
                "" if each.saturated is None else _percent(each.saturated),
                f"{each.gradient.deviation:.3g}",
                f"{each.gradient.norm:.3g}",
                _percent(each.gradient.zeros),
            )
            for each in found.layers
        ),
    ]
    parameters = [
        ("parameter", "norm", "gradient", "its norm", "ratio", "zeros"),
        *(
            (
                each.name,
                f"{each.norm:.3g}",
                f"{each.gradient.deviation:.3g}",
                f"{each.gradient.norm:.3g}",
                "" if each.ratio is None else f"{each.ratio:.3g}",
                _percent(each.gradient.zeros),
            )
            for each in found.parameters
        ),
    ]
    return [*_aligned(layers, texts=2), "", *_aligned(parameters, texts=1)]


def _row(spread: Spread) -> tuple[str, ...]:
    numbers = (spread.mean, spread.deviation, spread.smallest, spread.largest)
    return (*(f"{number:.3g}" for number in numbers), _percent(spread.zeros))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _aligned(rows: Sequence[tuple[str, ...]], texts: int) -> list[str]:
    """Return rows as lines with the first columns, which are texts, to the left and the numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<"] * texts + [">"] * (len(widths) - texts)
    return [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in rows
    ]
