"""What is minimised: the mean loss of a batch plus the penalties, as a function of the model's theta."""

from collections.abc import Sequence
from typing import Protocol

from mnistnn.backend import Array
from mnistnn.losses import Score, SoftmaxNLL
from mnistnn.models import Model


class Penalty(Protocol):
    def value(self, theta: Array) -> float: ...

    def add_gradient(self, theta: Array, grad: Array) -> None: ...


class Objective:
    """Model, loss and penalties on the batch that was set last.

    An optimizer moves `theta` in place and asks for the gradient where it now stands.
    """

    def __init__(self, model: Model, loss: SoftmaxNLL, penalties: Sequence[Penalty] = ()) -> None:
        self.model, self.loss, self.penalties = model, loss, penalties
        self.theta, self.grad = model.theta, model.grad

    def set_batch(self, x: Array, labels: Array) -> None:
        """Take the batch that the next calls are about: x (n, *in_shape), labels (n,); both borrowed."""
        self.x, self.labels = x, labels

    def loss_and_grad(self) -> Array:
        """Write the gradient of loss plus penalties into `grad`; return the mean loss alone, on the device.

        What plain gradient methods need: the penalties' values, which nobody reads, are not computed.
        """
        z = self.model.forward(self.x, train=True)
        loss, dz = self.loss.value_and_dz(z, self.labels)
        self.model.backward(dz)
        for penalty in self.penalties:
            penalty.add_gradient(self.theta, self.grad)
        return loss

    def value_and_grad(self) -> float:
        """Write the gradient into `grad` and return the whole objective, penalties included."""
        return float(self.loss_and_grad()) + self.penalty()

    def penalty(self) -> float:
        """Return the value of all penalties at the present theta."""
        return sum(penalty.value(self.theta) for penalty in self.penalties)


def score(model: Model, loss: SoftmaxNLL, x: Array, labels: Array, batch_size: int) -> Score:
    """Return the loss summed over all examples and the count of errors, computed in batches of `batch_size`.

    The last, smaller batch counts like the others. Sums are in float64.
    """
    total, errors = 0.0, 0
    for start in range(0, len(x), batch_size):
        part = slice(start, start + batch_size)
        one = loss.score(model.forward(x[part], train=False), labels[part])
        total += one.loss
        errors += one.errors
    return Score(total, errors, len(x))
