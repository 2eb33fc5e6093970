"""Gradients of code of one's own, checked on a few real examples before a run begins: a mistake in a backward pass is
told in seconds then, and not after a night of training.

The check works on a network of its own, in float64 and with random parameters, so no bit of the run depends on it.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from mnistnn.backend.arrays import to_host
from mnistnn.backend.rng import stream
from mnistnn.errors import CheckFailedError
from mnistnn.experiment.plan import Plan
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.gradient_check import GradientRow, randomize
from mnistnn.objectives.layer_gradients import BoundLayer, check_layer, check_scores
from mnistnn.plugins.decorators import kind_of
from mnistnn.plugins.execution import line_of
from mnistnn.tasks.network import NetworkTask
from mnistnn.training.learning import Learning
from mnistnn.training.loop import Training
from mnistnn.types import Array

_EXAMPLES = 8
_COORDINATES = 3  # numbers of an array that are moved alone, beside random directions


def refuse_wrong_gradients(plan: Plan, learning: Learning) -> None:
    """Raise CheckFailedError if the backward pass of a layer, or the gradient of a loss, of one's own is wrong.

    learning  at its beginning; its first batch is looked at
    """
    task = plan.task
    if not (isinstance(task, NetworkTask) and isinstance(learning, Training) and _has_own(plan)):
        return
    with closing(learning.batches.of_epoch(1)) as batches:
        x, labels = next(batches)
        x, labels = to_host(x[:_EXAMPLES]).astype(np.float64), to_host(labels[:_EXAMPLES]).copy()
    for what, row in _rows(plan, task, x, labels):
        if not row.passed:
            raise CheckFailedError(f"{what}: {row.said}")


def _has_own(plan: Plan) -> bool:
    experiment = plan.experiment
    return any(map(_is_own, [*plan.task.layers.values(), experiment.loss]))


def _is_own(component: Any) -> bool:
    return kind_of(type(component)) is not None


def _rows(plan: Plan, task: NetworkTask, x: Array, labels: Array) -> Iterator[tuple[str, GradientRow]]:
    """Yield the checks of all layers and of the loss that are one's own, each with the words for what it is about."""
    experiment = plan.loaded.validator.experiment_of(plan.loaded.resolved)  # anew: nothing of the run is touched
    model: Any = experiment.model  # a network, as its task says
    loss, seed = experiment.loss, plan.experiment.seed
    rng, out_shape = stream(seed, "check", 4), model.build(plan.preprocessing.out_shape, plan.source.is_ragged)
    model.allocate(np, "float64")
    model.initialize(seed)
    randomize(model.theta, model.slots, seed)
    before = np.array(x[..., :-1] if model.ragged else x)
    for name, y in model.layer_by_layer(x):
        above = y.copy()  # a check leaves other outputs in the layer's memory
        if _is_own(model.layers[name]):
            for row in _of_layer(model, name, before, rng):
                yield f"layer `{name}` ({_place(plan, model.layers[name])})", row
        before = above
    if _is_own(loss):
        criterion: Any = task.judge(loss)
        criterion.build(out_shape, plan.classes)
        row = check_scores(criterion, before, labels, rng, _COORDINATES)
        yield f"loss `{criterion.type}` ({_place(plan, loss)})", row


def _of_layer(model: Sequential, name: str, x: Array, rng: np.random.Generator) -> list[GradientRow]:
    """Return the checks of a layer of the network by itself, on inputs x (n, *in_shape)."""
    layer = model.layers[name]
    if layer.is_truncated or (layer.needs_several_examples and len(x) < 2):
        return []
    slots = [slot for slot in [*model.slots, *model.statistics] if slot.name.split(".")[0] == name]
    arrays = [
        {slot.parameter.name: views[slot.name] for slot in slots if slot.name in views}
        for views in (model.views(model.values), model.views(model.grad))
    ]
    layer.begin_update(0)
    return check_layer(BoundLayer(layer, [slot.parameter for slot in slots], *arrays), x, rng, _COORDINATES)


def _place(plan: Plan, component: Any) -> str:
    """Return the file, and the line where it is known, that a component of one's own comes from."""
    kind = kind_of(type(component))
    declared = plan.loaded.validator.components.declared
    source = next(each.source for each in declared if (each.kind, each.type) == (kind, component.type))
    line = line_of(type(component))
    return source if line is None else f"{source}:{line}"
