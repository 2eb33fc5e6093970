"""One update after the other: how a batch becomes a change of the parameters.

On a GPU, an update is some dozens of kernels, most of them over in two microseconds, and to ask for each takes Python
ten. The kernels are the same ones each time, on the same memory; so they are recorded once, in a CUDA graph, which one
call of 2 µs launches from then on. What does differ is put where the kernels read it before: the batch, the numbers of
the optimizer, and what random layers draw. Nothing else may come from the host.
"""

from typing import Any, Protocol, cast

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.layers.contract import BaseLayer
from mnistnn.objectives.supervised import BaseObjective, Objective
from mnistnn.optim.contract import ObjectiveContract, OptimizerContract, Progress
from mnistnn.optim.sgd import SGD
from mnistnn.training.softmax_step import SoftmaxSteps
from mnistnn.types import Array

_WARM_UP = 2  # updates of a shape before it is recorded: kernels are compiled, memory is found
_RELAXED = 2  # how CUDA records: memory may be taken meanwhile


class Steps(Protocol):
    """Moves an objective's theta by an optimizer."""

    def take(self, x: Array, labels: Array, progress: Progress) -> Array:
        """Do one update on a batch, x (n, ...) and labels (n,); return the batch's mean loss, lent until the next."""
        ...


def steps_for(objective: BaseObjective, optimizer: OptimizerContract) -> Steps:
    """Return the steps for where the objective computes; the results have the same bits."""
    is_on_host = array_module(objective.theta) is np
    if is_on_host and SoftmaxSteps.fits(objective, optimizer):
        return SmallSteps(cast("Objective", objective), cast("SGD", optimizer))
    if is_on_host or not optimizer.repeats_itself or not isinstance(objective, Objective):
        return Eager(objective, optimizer)
    parts = (*objective.model.layers.values(), objective.loss)
    return Recorded(objective, optimizer) if all(part.repeats_itself for part in parts) else Eager(objective, optimizer)


class Eager:
    """Each operation is asked for when its turn comes."""

    def __init__(self, objective: BaseObjective, optimizer: OptimizerContract) -> None:
        self.objective, self.optimizer = objective, optimizer

    def take(self, x: Array, labels: Array, progress: Progress) -> Array:
        self.objective.set_batch(x, labels, progress.objective_began)
        # An optimizer that asks for more than a gradient was refused where there is none (`compatibility.py`).
        loss = self.optimizer.step(cast("ObjectiveContract", self.objective), progress)
        self.objective.project(self.optimizer.rate(progress))
        return loss


class SmallSteps:
    """Softmax regression on small batches in a few compiled calls, where loops are compiled; others as `Eager` does."""

    def __init__(self, objective: Objective, optimizer: SGD) -> None:
        self._eager, self._small = Eager(objective, optimizer), SoftmaxSteps(objective, optimizer)

    def take(self, x: Array, labels: Array, progress: Progress) -> Array:
        steps = self._small if self._small.can_take(x, labels) else self._eager
        return steps.take(x, labels, progress)


class Recorded:
    """Updates on batches of one shape are recorded after a few, and launched again from then on.

    An update that cannot be recorded, because it asks the device for something, is done operation by operation for
    good. `project` is not recorded: its rate comes from the host.
    """

    def __init__(self, objective: Objective, optimizer: OptimizerContract) -> None:
        self.objective, self.optimizer = objective, optimizer
        self.xp = array_module(objective.theta)
        self.is_refused = False
        """Whether recording was tried and is not possible."""
        self.replays = 0
        self._eager = Eager(objective, optimizer)
        self._recordings: dict[tuple[Any, ...], _Recording] = {}  # by what a batch looks like in memory

    def take(self, x: Array, labels: Array, progress: Progress) -> Array:
        if self.is_refused:
            return self._eager.take(x, labels, progress)
        key = x.shape, x.strides, x.dtype, labels.dtype
        recording = self._recordings.get(key)
        if recording is None:
            recording = self._recordings[key] = _Recording(self.xp, self.objective, self.optimizer)
        if recording.seen < _WARM_UP:
            recording.see(x, labels)
            return self._eager.take(x, labels, progress)
        # The numbers of this update are written by a launch of its own, so that none of them is recorded.
        self.optimizer.prepare(progress)
        try:
            loss = recording.replay(x, labels, progress)
        except _RefusedError:
            self.is_refused = True
            return self._eager.take(x, labels, progress)
        self.replays += 1
        self.objective.project(self.optimizer.rate(progress))
        return loss


class _RefusedError(Exception):
    """An update cannot be recorded."""


class _Recording:
    """The update on batches of one shape.

    Batches that come in the same memory each time are read there; others are copied to memory of the recording's own.
    What the update takes while it is recorded comes from a pool that nothing else takes from, and that lives as long.
    """

    def __init__(self, xp: Any, objective: Objective, optimizer: OptimizerContract) -> None:
        self._xp, self._objective, self._optimizer = xp, objective, optimizer
        self.seen = 0
        """Updates done before recording."""
        self._x: Array | None = None
        self._labels: Array | None = None
        self._owns = False
        self._drawn: list[tuple[BaseLayer, Array]] = []
        self._graph: Any = None
        self._pool = xp.cuda.MemoryPool()

    def see(self, x: Array, labels: Array) -> None:
        """Notice where a batch lies."""
        if self.seen and not self._lies_here(x, labels):
            self._owns = True
        self._x, self._labels = x, labels
        self.seen += 1

    def replay(self, x: Array, labels: Array, progress: Progress) -> Array:
        """Launch the update, recorded now if it is not yet. Raises _RefusedError, having done nothing."""
        if not self._owns and not self._lies_here(x, labels):
            self._owns, self._graph = True, None
        if self._graph is None:
            if self._owns:
                self._x, self._labels = self._xp.empty_like(x), self._xp.empty_like(labels)
            self._record(progress)
        if self._owns:
            for mine, given in ((self._x, x), (self._labels, labels)):
                assert mine is not None
                mine[...] = given
        self._objective.model.begin_update(progress.objective_began)
        for layer, mask in self._drawn:
            layer.draw(mask)
        self._graph.launch()
        return self._loss

    def _record(self, progress: Progress) -> None:
        # The stream that everything is queued on cannot be recorded. On this one nothing runs, so it need not wait.
        stream, drawing = self._xp.cuda.Stream(non_blocking=True), self._objective.model.random_layers
        with stream, self._xp.cuda.using_allocator(self._pool.malloc):
            for layer in drawing:
                layer.draws_itself = False
            try:
                stream.begin_capture(_RELAXED)
                try:
                    self._objective.set_batch(self._x, self._labels, progress.objective_began)
                    self._loss = self._optimizer.step(self._objective, progress)
                finally:
                    self._graph = stream.end_capture()
            except RuntimeError as error:  # CUDA's errors, and what CuPy does not do while recording
                self._graph = None
                raise _RefusedError from error
            finally:
                for layer in drawing:
                    layer.draws_itself = True
        self._drawn = [(layer, layer.mask) for layer in drawing]

    def _lies_here(self, x: Array, labels: Array) -> bool:
        assert self._x is not None
        assert self._labels is not None
        return bool(x.data.ptr == self._x.data.ptr and labels.data.ptr == self._labels.data.ptr)
