"""The objective of an autoencoder: how well it reconstructs images of which it has seen a part."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from mnistnn.backend.matmul import sum_along
from mnistnn.backend.rng import UpdateStreams
from mnistnn.backend.scratch import Scratch
from mnistnn.backend.threads import matmul
from mnistnn.kernels import boltzmann
from mnistnn.kernels.activations import sigmoid, sigmoid_backward
from mnistnn.kernels.dropout import bernoulli
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.models.autoencoder import Autoencoder
from mnistnn.objectives.supervised import Penalty
from mnistnn.objectives.unsupervised import UnsupervisedObjective
from mnistnn.types import Array


class ReconstructionObjective(UnsupervisedObjective):
    """An autoencoder on the images that were set last. While these stay, and their masks, it is a function of theta,
    so line searches may ask for its values.

    passed  counts the examples that were passed through the model for any of this
    """

    purpose: ClassVar[str] = "corruption"

    def __init__(
        self, model: Autoencoder, loss: Reconstruction, penalties: Sequence[Penalty], seed: int, updates_per_epoch: int
    ) -> None:
        super().__init__(model, loss, penalties, seed, updates_per_epoch)
        self.model, self.loss, self.passed = model, loss, 0

    @staticmethod
    def numbers_kept(model: Autoencoder, loss: Reconstruction, batch: int) -> Mapping[str, int]:
        return {"hidden": 4 * batch * model.hidden, "visible": 5 * batch * model.n_in}

    @property
    def examples(self) -> int:
        """The number of examples of the batch."""
        return len(self.v)

    def set_batch(self, x: Array, labels: Array, update: int) -> None:
        super().set_batch(x, labels, update)
        self._seen = corrupted(self.v, self.loss.corruption, self._streams.at(update), self._room("x̃", *self.v.shape))

    def loss_and_grad(self, decay: bool = True) -> Array:
        loss = self._losses_and_grad().mean()
        self.add_penalties(decay)
        return loss

    def value_and_grad(self) -> float:
        """Write the gradient into `grad` and return the value that it belongs to, as `Objective.value_and_grad`."""
        self.mean_loss = float(self._losses_and_grad().sum(dtype="float64")) / len(self.v)
        self.add_penalties()
        return self._with_penalties()

    def value(self) -> float:
        """Return the value alone; `grad` stays as it is."""
        self.mean_loss = float(self._forward().sum(dtype="float64")) / len(self.v)
        return self._with_penalties()

    def _forward(self) -> Array:
        """Leave y and a as they follow from what is seen; return the loss of each example, lent."""
        n = len(self.v)
        self._y, self._a = self._room("y", n, self.model.hidden), self._room("a", n, self.n_in)
        self.model.encode(self._seen, self._y)
        self.model.decode(self._y, self._a)
        a, work, out = (
            self._room("a, overwritten", n, self.n_in),
            self._room("work", n, self.n_in),
            self._scratch("losses", (n,), self.theta),
        )
        a[...] = self._a
        boltzmann.visible_nll(self.v, a, self.model.is_gaussian, work, out)
        self.passed += n
        return out

    def _losses_and_grad(self) -> Array:
        """Write the gradient of the mean loss; return the loss of each example.

        With z = σ(a), or a: da = (z − x)/n, dW' = y' da, dy = da W'ᵀ, dh = dy y (1 − y), dW = x̃' dh. Tied weights have
        both parts, which are one product: of x̃ above da with dh above y.
        """
        model, n = self.model, len(self.v)
        losses = self._forward()
        left, right = self._room("x̃, da", 2 * n, self.n_in), self._room("dh, y", 2 * n, model.hidden)
        da, dh = left[n:], right[:n]
        da[...] = self._a
        if not model.is_gaussian:
            sigmoid(da)
        da -= self.v
        da *= 1.0 / n
        left[:n], right[n:] = self._seen, self._y
        matmul(da, model.W_back.T, out=dh)
        sigmoid_backward(dh, self._y)
        sum_along(da, 0, out=model.db_v)
        sum_along(dh, 0, out=model.db_h)
        if model.dW_back is None:
            matmul(left.T, right, out=model.dW)
        else:
            matmul(left[:n].T, dh, out=model.dW)
            matmul(right[n:].T, da, out=model.dW_back)
        return losses


class HiddenPixels:
    """Which pixels are hidden when a model is measured: the same ones of the same batch each time."""

    def __init__(self, corruption: float, seed: int) -> None:
        self.corruption, self._streams, self._scratch = corruption, UpdateStreams(seed, "measure", 2), Scratch()

    def seen(self, x: Array, batch: int) -> Array:
        """Return what is seen of x (n, n_in), the batch of that number of a split; lent until the next call."""
        return corrupted(x, self.corruption, self._streams.at(batch), self._scratch("x̃", x.shape, x))


def corrupted(x: Array, corruption: float, rng: np.random.Generator, out: Array) -> Array:
    """Return x (n, n_in) with a share of its numbers set to zero by chance: in out, or x itself if that is none."""
    if corruption == 0.0:
        return x
    bernoulli(rng, 1.0 - corruption, out)
    out *= x
    return out
