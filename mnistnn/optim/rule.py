"""The base of gradient rules: one gradient per step, a rate, clipping, flat state.

A rule says how one stretch of theta moves. The step applies it block by block: a block and its state stay in the
processor's cache while the few vector operations of the rule pass over them, so theta is read from memory once,
whatever the rule. On a GPU there is one block.

A rule may have a fused update: one loop with the same bits (fused.py). With Numba it moves a large theta instead, and
on a GPU the one kernel that is derived from it moves theta.
"""

import math
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.cuda import Kernel, Numbers
from mnistnn.backend.jit import CompiledFunction, is_available
from mnistnn.backend.loop_to_cuda import kernel_of
from mnistnn.backend.matmul import serial_matmul
from mnistnn.backend.threads import along, is_long, spread
from mnistnn.component import component
from mnistnn.optim.contract import Decay, ObjectiveContract, Progress, Requirements
from mnistnn.optim.schedules import BoldDriver, MomentumSchedule, Plateau, RateSchedule
from mnistnn.types import Array

# Numbers per block: theta, gradient, two states and working memory in float32 take 320 KiB, which a core's cache holds.
BLOCK = 16_384
# A loop is compiled above this number of parameters. Numba takes about a second to start; a model of 100 hidden units
# earns that back in four thousand updates of Adam, or in fifty thousand of plain descent, which has the least to gain.
FUSED_ABOVE = 4 * BLOCK

# The numbers of one step: the rate, and whatever else is the same for all weights.
Scalars = tuple[float, ...]
# Theta, gradient and state of one stretch.
Block = tuple[Array, Array, list[Array]]


@component
class GradientRule:
    """Abstract: θ moves by a rule that needs the gradient at θ and flat arrays of its own."""

    learning_rate: Annotated[float, Field(gt=0)] | RateSchedule
    """The step size η: a number, or a schedule."""
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """Scale the gradient down to this Euclidean norm when it is longer."""

    requirements: ClassVar[Requirements] = Requirements()
    gives: ClassVar[tuple[str, ...]] = ()
    slots: ClassVar[dict[str, float]] = {}
    """Names of the state arrays, each like theta, and the value they start with."""
    working: ClassVar[int] = 0
    """How many working arrays of a block's size `update` needs."""
    fused_update: ClassVar[CompiledFunction | None] = None
    """A loop that does all of `update`, with the same bits: of theta, grad, the state arrays, a factor of theta to add
    to the gradient, and the scalars."""

    @classmethod
    def kernel(cls) -> Kernel | None:
        """Return `fused_update` for a GPU: of theta, grad, the state arrays, and an array of the scalars."""
        # Derived on demand, since that takes some milliseconds, which a run on the host need not spend.
        return None if cls.fused_update is None else _kernel_of(cls.fused_update)

    @property
    def repeats_itself(self) -> bool:
        return self.kernel() is not None  # without a kernel the scalars come from the host at each step

    def bytes_kept(self, parameters: int, itemsize: int) -> int:
        return itemsize * (len(self.slots) * parameters + self.working * min(parameters, BLOCK))

    def too_large(self, parameters: int, itemsize: int) -> str | None:
        return None

    def allocate(self, theta: Array, grad: Array) -> None:
        """Create the state, and choose how to move. theta and grad (P,) are never rebound."""
        xp = array_module(theta)
        self._state: dict[str, Array] = {name: xp.full_like(theta, value) for name, value in self.slots.items()}
        self._fused = self.fused_update if xp is np and theta.size > FUSED_ABOVE else None
        self._kernel = self.kernel() if xp is not np else None
        self._numbers: Numbers | None = None
        self._blocks = self._cut(theta, grad) if self._kernel is None else []
        self._work: dict[int, list[Array]] = {}
        if self._blocks:
            self._work_of(0, 0)
        self._like = theta

    def _cut(self, theta: Array, grad: Array) -> list[Block]:
        """Cut everything into blocks."""
        xp = array_module(theta)
        size = BLOCK if xp is np else max(theta.size, 1)
        parts = [slice(start, min(start + size, theta.size)) for start in range(0, theta.size, size)]
        return [(theta[part], grad[part], [array[part] for array in self._state.values()]) for part in parts]

    def _work_of(self, worker: int, size: int) -> list[Array]:
        """Return the working memory of one worker, for a block of that size."""
        if not self.working:
            return []
        if worker not in self._work:
            largest = self._blocks[0][0]
            self._work[worker] = [array_module(largest).empty_like(largest) for _ in range(self.working)]
        return [array[:size] for array in self._work[worker]]

    def state(self) -> dict[str, Array]:
        return self._state

    def rate(self, progress: Progress) -> float:
        """Return the step size of the next update."""
        return at(self.learning_rate, progress)

    def metrics(self, progress: Progress) -> dict[str, float]:
        return {}

    def scalars(self, progress: Progress) -> Scalars:
        """Return the numbers that the next update works with, as Python floats."""
        return (self.rate(progress),)

    def prepare(self, progress: Progress) -> None:
        if self._kernel is not None:
            self._write(self.scalars(progress))

    def step(self, objective: ObjectiveContract, progress: Progress) -> Array:
        is_fused = self._fused is not None and is_available()
        adds_decay = is_fused and self.clip_norm is None  # else the whole gradient's norm is asked for first
        loss = objective.loss_and_grad(decay=not adds_decay)
        if self.clip_norm is not None:
            clip(objective.grad, self.clip_norm)
        scalars = self.scalars(progress)
        if self._kernel is not None:
            self._launch(objective.theta, objective.grad, scalars)
        elif is_fused:
            decay = objective.decay if adds_decay else ()
            self._move(objective.theta, objective.grad, decay or [(slice(None), 0.0)], scalars)
        else:
            self._move_blocks(scalars)
        return loss

    def _move_blocks(self, scalars: Scalars) -> None:
        def move(block: Block, worker: int) -> None:
            theta, grad, state = block
            self.update(theta, grad, state, self._work_of(worker, theta.size), scalars)

        if is_long(self._like):
            spread(move, self._blocks, self._like)
        else:
            for block in self._blocks:
                move(block, 0)

    def _move(self, theta: Array, grad: Array, decay: Decay, scalars: Scalars) -> None:
        """Move theta by the fused update, stretch by stretch, adding to the gradient what L2 wants."""
        assert self._fused is not None
        number = theta.dtype.type
        numbers = [number(scalar) for scalar in scalars]
        for whole, factor in decay:
            arrays = [array[whole] for array in (theta, grad, *self._state.values())]
            self._move_stretch(arrays, [number(factor), *numbers])

    def _move_stretch(self, arrays: list[Array], numbers: list[Any]) -> None:
        fused = self._fused
        assert fused is not None
        along(lambda part, _: fused(*(array[part] for array in arrays), *numbers), arrays[0])

    def _launch(self, theta: Array, grad: Array, scalars: Scalars) -> None:
        assert self._kernel is not None
        numbers = self._write(scalars)
        self._kernel.launch(theta.size, theta, theta, grad, *self._state.values(), numbers)

    def _write(self, scalars: Scalars) -> Array:
        if self._numbers is None:
            self._numbers = Numbers(len(scalars), self._like)
        self._numbers.write(scalars)
        return self._numbers.array

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        """Move one block of theta in place. grad may be overwritten; state is in the order of `slots`."""
        raise NotImplementedError


@cache
def _kernel_of(fused_update: CompiledFunction) -> Kernel | None:
    """Return the kernel of a fused update, or None if mnistnn is installed without its source.

    On a GPU the gradient already contains what penalties add to it, so the kernel takes no decay.
    """
    function = fused_update.function
    with suppress(OSError):
        return kernel_of(function, f"{function.__name__}_update", zeros=["decay"])
    return None


def at(value: float | RateSchedule | MomentumSchedule, progress: Progress) -> float:
    """Return a hyper-parameter's present value, as a Python float so that it cannot change an array's dtype."""
    return value if isinstance(value, float) else value.at(progress)


def monitored_by_rate(optimizer: object) -> str | None:
    """Return the metric that an optimizer's rate responds to; None if it responds to none."""
    if isinstance(optimizer, GradientRule) and isinstance(optimizer.learning_rate, BoldDriver | Plateau):
        return optimizer.learning_rate.monitor
    return None


def clip(grad: Array, norm: float) -> None:
    """Scale grad in place to Euclidean length `norm` if it is longer. Pascanu, Mikolov & Bengio (2013)."""
    xp = array_module(grad)
    if xp is np:
        length = math.sqrt(float(grad @ grad))
        if length > norm:
            grad *= norm / length
    else:  # without asking the device for a number
        square = xp.empty((1, 1), dtype=grad.dtype)
        serial_matmul(grad.reshape(1, -1), grad.reshape(-1, 1), out=square)
        grad *= xp.minimum(1.0, norm / xp.sqrt(square[0])).astype(grad.dtype)
