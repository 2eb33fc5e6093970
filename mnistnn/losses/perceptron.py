"""The perceptron's loss: one output, of which only the sign counts."""

from typing import ClassVar, Literal

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.perceptron import perceptron
from mnistnn.losses.class_weights import WeightedByClass
from mnistnn.losses.contract import TwoClassLoss
from mnistnn.types import Array


@component
class Perceptron(WeightedByClass, TwoClassLoss):
    """max(0, −t z) for two classes and one output z, with t = −1 for class 0 and 1 for class 1; the mean over examples.

    dz = −t/n where t z ≤ 0, else 0. With `batches: {size: 1}` and one linear unit a step of gradient descent is the
    perceptron's rule: w ← w + η t x after each mistake, and nothing else. An output of exactly 0 counts as a mistake
    for either class where weights are moved, and as class 0 where errors are counted. Rosenblatt (1958).
    """

    type: Literal["perceptron"] = "perceptron"

    has_probabilities: ClassVar[bool] = False

    def plain_losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        n = len(z)
        t, loss, dz = (self.scratch(role, (n,), z) for role in ("t", "loss", "dz"))
        t[...] = labels
        t *= 2.0
        t -= 1.0
        perceptron(z.reshape(-1), t, dz, loss)
        return loss, dz.reshape(n, 1)

    def probabilities(self, z: Array) -> Array:
        """Return scores of both classes, −z and z: the perceptron knows no probabilities."""
        return array_module(z).stack([-z[:, 0], z[:, 0]], axis=1)
