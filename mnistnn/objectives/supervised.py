"""The supervised objective: the mean loss of a batch plus the penalties, as a function of the model's theta."""

from collections.abc import Sequence
from typing import Protocol

from mnistnn.backend.arrays import array_module
from mnistnn.backend.pieces import cut
from mnistnn.backend.scratch import Scratch
from mnistnn.losses import Criterion
from mnistnn.losses.contract import Score
from mnistnn.models.contract import Tell
from mnistnn.models.flat import FlatModel
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.gauss_newton import GaussNewton, add_share
from mnistnn.types import Array


class Penalty(Protocol):
    @property
    def is_proximal(self) -> bool: ...

    @property
    def decay(self) -> Sequence[tuple[slice, float]]:
        """The stretches of theta whose gradient is a multiple of theta, with the factor; empty for another penalty."""
        ...

    def project(self, theta: Array, rate: float) -> None: ...

    def value(self, theta: Array) -> float: ...

    def add_gradient(self, theta: Array, grad: Array) -> None: ...


class BaseObjective:
    """Abstract: a model and its penalties, as something to be brought down by moving `theta` in place.

    `values` is theta and what else the model consists of; `tell` is called by optimizers whose steps are long.
    """

    mean_loss: float
    """The part of the last value that is no penalty, where values can be asked for."""

    def __init__(self, model: FlatModel, penalties: Sequence[Penalty]) -> None:
        self.layout = model.layout
        self.tell: Tell = _nobody
        self.proximal = [penalty for penalty in penalties if penalty.is_proximal]
        self.smooth = [penalty for penalty in penalties if not penalty.is_proximal]
        self.values, self.theta, self.grad = model.values, model.theta, model.grad
        # Added last, so that it makes no difference to the bits who adds it.
        self._decaying = self.smooth[-1] if self.smooth and self.smooth[-1].decay else None
        self.decay: Sequence[tuple[slice, float]] = ()
        if self._decaying:
            self.decay = _whole(self._decaying.decay, self.theta.size)

    def set_batch(self, x: Array, labels: Array, update: int) -> None:
        """Take the batch that the next calls are about: x (n, *in_shape), labels (n,); both borrowed."""
        raise NotImplementedError

    def loss_and_grad(self, decay: bool = True) -> Array:
        """Write the gradient of loss plus smooth penalties into `grad`; return the mean loss alone, on the device.

        What plain gradient methods need: the penalties' values, which nobody reads, are not computed, and train.loss
        compares with valid.loss. Without `decay`, what `self.decay` says is left to the caller to add.
        """
        raise NotImplementedError

    def add_penalties(self, decay: bool = True) -> None:
        """Add the gradients of smooth penalties to `grad`; without `decay`, but for what `self.decay` says."""
        for penalty in self.smooth:
            if decay or penalty is not self._decaying:
                penalty.add_gradient(self.theta, self.grad)

    def project(self, rate: float) -> None:
        """Move theta to where proximal penalties want it, after a step of size `rate`."""
        for penalty in self.proximal:
            penalty.project(self.theta, rate)

    def state(self) -> dict[str, Array]:
        """Return the arrays by name that the objective remembers from update to update, never rebound."""
        return {}

    def _with_penalties(self) -> float:
        """Return the last mean loss, with what smooth penalties add to it at theta."""
        return self.mean_loss + sum(penalty.value(self.theta) for penalty in self.smooth)


class Objective(BaseObjective):
    """Model, loss and penalties on the batch that was set last.

    An optimizer asks for values, gradients and second-order products where theta now stands.

    chunk   passes batches that are larger through the model in pieces of so many examples, whose losses and gradients
            are added up; None passes any batch in one piece
    passed  counts the examples that were passed through the model for any of this
    """

    def __init__(
        self, model: Sequential, loss: Criterion, penalties: Sequence[Penalty] = (), chunk: int | None = None
    ) -> None:
        super().__init__(model, penalties)
        self.model, self.loss, self.penalties, self.chunk = model, loss, penalties, chunk
        self.passed = 0
        self.gauss_newton = GaussNewton(self)
        self._scratch = Scratch()

    def set_batch(self, x: Array, labels: Array, update: int) -> None:
        """Take the batch that the next calls are about: x (n, *in_shape), labels (n,); both borrowed.

        What is random in the model (dropout masks) is drawn anew for each number of an update, and stays the same while
        the batch does.
        """
        self.x, self.labels, self.update = x, labels, update
        self.model.begin_update(update)

    def state(self) -> dict[str, Array]:
        return self.model.carried()

    def project(self, rate: float) -> None:
        """Move theta to where constraints and proximal penalties want it, after a step of size `rate`."""
        super().project(rate)
        self.model.project()

    def loss_and_grad(self, decay: bool = True) -> Array:
        if self.is_chunked:
            loss = self._sums_over_chunks().astype(self.theta.dtype)
        else:
            z = self.model.forward(self.x, train=True)
            loss, dz = self.loss.value_and_dz(z, self.labels)
            self.model.backward(dz)
            self.passed += len(self.x)
        self.add_penalties(decay)
        return loss

    def value_and_grad(self) -> float:
        """Write the gradient into `grad` and return the value that it belongs to: loss plus penalties.

        The losses of single examples are added up in float64, so that the values of neighbouring points can be compared
        in a line search. A proximal penalty is in neither: it has no gradient, and acts in `project`.
        """
        self.mean_loss = float(self._sums_over_chunks())
        self.add_penalties()
        return self._with_penalties()

    def value(self) -> float:
        """Return the value alone, that of `value_and_grad`, for a forward pass; `grad` stays as it is."""
        total = 0.0
        for part in self.chunks(slice(0, len(self.x))):
            losses, _ = self.loss.losses_and_dz(self.forward(part), self.labels[part])
            total += float(losses.sum(dtype="float64"))
        self.mean_loss = total / len(self.x)
        return self._with_penalties()

    def input_and_dx(self) -> tuple[Array, Array]:
        """Return the inputs of the batch, without the mask of ragged sequences, and the mean loss's gradient by them,
        in a new array; `grad` is overwritten.
        """
        x = self.x[..., :-1] if self.model.ragged else self.x
        dx = array_module(x).empty_like(x)
        for part in self.chunks(slice(0, len(x))):
            _, dz = self.loss.losses_and_dz(self.forward(part), self.labels[part])
            dx[part] = self.model.backward_to_input(dz)
            dx[part] *= (part.stop - part.start) / len(x)
        return x, dx

    @property
    def examples(self) -> int:
        """The number of examples of the batch."""
        return len(self.x)

    @property
    def is_chunked(self) -> bool:
        """Whether the batch is too large to be passed through the model in one piece."""
        return self.chunk is not None and len(self.x) > self.chunk

    def chunks(self, part: slice) -> list[slice]:
        """Return the pieces in which a part of the batch passes through the model."""
        size = part.stop - part.start
        return [
            slice(part.start + piece.start, part.start + piece.stop)
            for piece in cut(size, size if self.chunk is None else self.chunk)
        ]

    def forward(self, part: slice) -> Array:
        """Pass some examples of the batch through the model as in training; return its output.

        Each of the pieces of a batch has masks of its own, which are the same whenever it passes.
        """
        if self.chunk is not None:
            self.model.begin_update(self.update, part.start // self.chunk)
        self.passed += part.stop - part.start
        return self.model.forward(self.x[part], train=True)

    def _sums_over_chunks(self) -> Array:
        """Write the gradient of the mean loss into `grad`; return the mean loss, a float64 on the device."""
        n, total = len(self.x), array_module(self.theta).zeros((), dtype="float64")
        pieces = self.chunks(slice(0, n))
        summed = self._scratch("grad", self.grad.shape, self.grad) if len(pieces) > 1 else None
        for number, part in enumerate(pieces):
            losses, dz = self.loss.losses_and_dz(self.forward(part), self.labels[part])
            total = total + losses.sum(dtype="float64")
            self.model.backward(dz)
            if summed is not None:
                add_share(self.grad, (part.stop - part.start) / n, summed, is_first=number == 0)
        if summed is not None:
            self.grad[...] = summed
        return total / n


def _nobody(what: str, done: int, most: int | None) -> None:
    """Hear nothing."""


def _whole(parts: Sequence[tuple[slice, float]], size: int) -> list[tuple[slice, float]]:
    """Return parts in order, with what lies between them as parts of factor 0."""
    whole, reached = [], 0
    for part, factor in sorted(parts, key=lambda item: item[0].start):
        if reached < part.start:
            whole.append((slice(reached, part.start), 0.0))
        whole.append((part, factor))
        reached = part.stop
    return whole if reached == size else [*whole, (slice(reached, size), 0.0)]


def score(
    model: Sequential, loss: Criterion, x: Array, labels: Array, batch_size: int, right: Array | None = None
) -> Score:
    """Return the loss summed over all examples and the count of errors, computed in batches of `batch_size`.

    The last, smaller batch counts like the others. Sums are in float64. `right`, like labels, if given, is filled with
    whether each of them is predicted. Where each step of an example counts, so does each in the result.
    """
    total, errors, count = 0.0, 0, 0
    for start in range(0, len(x), batch_size):
        part = slice(start, start + batch_size)
        z = model.forward(x[part], train=False)
        one = loss.score(z, labels[part])
        total += one.loss
        errors += one.errors
        count += one.examples
        if right is not None:
            assert loss.classifies  # else examples are neither right nor wrong
            right[part] = loss.predict(z) == labels[part]
    return Score(total, errors, count)
