"""Training that is stopped after two updates and goes on in other objects, from arrays that a file has held."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnistnn.analysis.inspection.component.findings import Measured, same_bits
from mnistnn.analysis.inspection.component.kept import through_a_file
from mnistnn.analysis.inspection.component.network_of import network_of
from mnistnn.layers.contract import BaseLayer
from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.momentum import Momentum
from mnistnn.training.loop import saved_arrays
from mnistnn.training.steps import Eager
from mnistnn.types import Shape

_CLASSES, _EXAMPLES = 3, 8
_BEFORE, _ALL = 2, 4


def layer_resumed(make: Callable[[], BaseLayer], shape: Shape) -> Measured:
    """Train a network with a layer at its bottom for four updates, at once and in two sessions; compare the ends."""
    return resumed(
        lambda: {"layer": make(), "output": Dense(units=_CLASSES)}, lambda: Momentum(learning_rate=0.05), shape
    )


def resumed(
    layers: Callable[[], dict[str, Any]], optimizer: Callable[[], Any], shape: Shape, dtype: str = "float32"
) -> Measured:
    """Compare all that a checkpoint holds after four updates, made at once and in two sessions."""
    whole, before, after = (_Session(layers(), optimizer(), shape, dtype) for _ in range(3))
    whole.train(0, _ALL)
    before.train(0, _BEFORE)
    after.take(through_a_file(before.arrays()))
    after.train(_BEFORE, _ALL)
    expected = whole.arrays()
    return same_bits((array, expected[name]) for name, array in after.arrays().items())


class _Session:
    """One process's share of a training on batches that follow from their number."""

    def __init__(self, layers: dict[str, Any], optimizer: Any, shape: Shape, dtype: str) -> None:
        self.shape, self.dtype, self.optimizer = shape, dtype, optimizer
        model, loss = network_of(layers), SoftmaxNLL()
        loss.build(model.build(shape), _CLASSES)
        model.allocate(np, dtype)
        model.initialize(0)
        for layer in model.carrying.values():
            layer.begin_to_carry(_EXAMPLES, model.theta, _ALL)
        self.objective = Objective(model, loss)
        self.steps = Eager(self.objective, optimizer)
        optimizer.allocate(model.theta, model.grad)

    def train(self, start: int, stop: int) -> None:
        for update in range(start, stop):
            rng = np.random.default_rng(update if self._changes else 0)
            x = rng.normal(size=(_EXAMPLES, *self.shape)).astype(self.dtype)
            progress = Progress(updates=update, updates_per_objective=1 if self._changes else None)
            self.steps.take(x, rng.integers(_CLASSES, size=_EXAMPLES), progress)

    @property
    def _changes(self) -> bool:
        """Whether each update has another batch, which some optimizers do not allow."""
        return not self.optimizer.requirements.one_objective

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint would hold."""
        values = self.objective.values
        return saved_arrays(values, values, None, self.optimizer, self.objective.state())

    def take(self, arrays: dict[str, np.ndarray]) -> None:
        for name, array in self.arrays().items():
            array[...] = arrays[name]
