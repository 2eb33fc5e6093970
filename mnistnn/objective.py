"""What is minimised: the mean loss of a batch plus the penalties, as a function of the model's theta."""

from collections.abc import Sequence
from typing import Protocol

from mnistnn.backend import Array
from mnistnn.losses import Loss
from mnistnn.losses.contract import Score
from mnistnn.models import Model


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


class Objective:
    """Model, loss and penalties on the batch that was set last.

    An optimizer moves `theta` in place and asks for the gradient where it now stands. `values` is theta and what else
    the model consists of.
    """

    def __init__(self, model: Model, loss: Loss, penalties: Sequence[Penalty] = ()) -> None:
        self.model, self.loss, self.penalties = model, loss, penalties
        self.proximal = [penalty for penalty in penalties if penalty.is_proximal]
        self.smooth = [penalty for penalty in penalties if not penalty.is_proximal]
        self.values, self.theta, self.grad = model.values, model.theta, model.grad
        # Added last, so that it makes no difference to the bits who adds it.
        self._decaying = self.smooth[-1] if self.smooth and self.smooth[-1].decay else None
        self.decay: Sequence[tuple[slice, float]] = ()
        if self._decaying:
            self.decay = _whole(self._decaying.decay, self.theta.size)

    def set_batch(self, x: Array, labels: Array, update: int) -> None:
        """Take the batch that the next calls are about: x (n, *in_shape), labels (n,); both borrowed.

        What is random in the model (dropout masks) is drawn anew for each number of an update, and stays the same while
        the batch does.
        """
        self.x, self.labels = x, labels
        self.model.begin_update(update)

    def project(self, rate: float) -> None:
        """Move theta to where constraints and proximal penalties want it, after a step of size `rate`."""
        for penalty in self.proximal:
            penalty.project(self.theta, rate)
        self.model.project()

    def loss_and_grad(self, decay: bool = True) -> Array:
        """Write the gradient of loss plus smooth penalties into `grad`; return the mean loss alone, on the device.

        What plain gradient methods need: the penalties' values, which nobody reads, are not computed. Without `decay`,
        what `self.decay` says is left to the caller to add.
        """
        z = self.model.forward(self.x, train=True)
        loss, dz = self.loss.value_and_dz(z, self.labels)
        self.model.backward(dz)
        for penalty in self.smooth:
            if decay or penalty is not self._decaying:
                penalty.add_gradient(self.theta, self.grad)
        return loss

    def value_and_grad(self) -> float:
        """Write the gradient into `grad` and return the value that it belongs to: loss plus penalties.

        A proximal penalty is in neither: it has no gradient, and acts in `project`.
        """
        loss = float(self.loss_and_grad())
        return loss + sum(penalty.value(self.theta) for penalty in self.smooth)


def _whole(parts: Sequence[tuple[slice, float]], size: int) -> list[tuple[slice, float]]:
    """Return parts in order, with what lies between them as parts of factor 0."""
    whole, reached = [], 0
    for part, factor in sorted(parts, key=lambda item: item[0].start):
        if reached < part.start:
            whole.append((slice(reached, part.start), 0.0))
        whole.append((part, factor))
        reached = part.stop
    return whole if reached == size else [*whole, (slice(reached, size), 0.0)]


def score(model: Model, loss: Loss, x: Array, labels: Array, batch_size: int, right: Array | None = None) -> Score:
    """Return the loss summed over all examples and the count of errors, computed in batches of `batch_size`.

    The last, smaller batch counts like the others. Sums are in float64. `right` (len(x),), if given, is filled with
    whether each example is read rightly.
    """
    total, errors = 0.0, 0
    for start in range(0, len(x), batch_size):
        part = slice(start, start + batch_size)
        z = model.forward(x[part], train=False)
        one = loss.score(z, labels[part])
        total += one.loss
        errors += one.errors
        if right is not None:
            right[part] = loss.predict(z) == labels[part]
    return Score(total, errors, len(x))
