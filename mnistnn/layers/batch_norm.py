"""Batch normalisation: every feature gets a learned mean and standard deviation, whatever the layers below do."""

from math import prod
from typing import Annotated, Literal

from pydantic import Field

from mnistnn.backend.memory_order import images_first, images_last
from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels.batch_norm import batch_norm, batch_norm_backward, normalize
from mnistnn.layers.contract import BaseLayer, Parameter
from mnistnn.layers.initializers import Constant, FanInOut, Zeros
from mnistnn.types import Array, Shape


@component
class BatchNorm(BaseLayer):
    """y = γ (x − mean) / √(variance + ε) + β: of the batch in training, of the batches seen so far in use.

    A feature is a unit, or a channel of images (c, h, w), whose mean is over all positions of all images. It belongs
    between a linear layer and its activation, which is then a layer of its own; the bias before it has no effect.
    gamma, beta (features,). The mean and variance used after training are running averages, kept with the parameters
    but not moved by the optimizer. Keeps y, the normalised x, dx, and copies of x and dy that do not come in the memory
    order of images. Ioffe & Szegedy (2015).
    """

    type: Literal["batch_norm"] = "batch_norm"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """The part of the running averages that survives a batch."""
    epsilon: Annotated[float, Field(gt=0)] = 1e-5
    """Keeps a feature that does not vary from dividing by 0."""

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        self.in_shape, self.is_of_images = in_shape, len(in_shape) == 3
        self.features = in_shape[0] if self.is_of_images else prod(in_shape)
        self.needs_several_examples = self.features == prod(in_shape)
        self.scratch = Scratch()
        fan = FanInOut(1, 1, "linear")
        return in_shape, [
            Parameter("gamma", (self.features,), "bias", Constant(value=1.0), fan),
            Parameter("beta", (self.features,), "bias", Zeros(), fan),
            Parameter("mean", (self.features,), "statistic", Zeros(), fan),
            Parameter("variance", (self.features,), "statistic", Constant(value=1.0), fan),
        ]

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.gamma, self.beta, self.mean, self.variance = (values[k] for k in ("gamma", "beta", "mean", "variance"))
        self.dgamma, self.dbeta = grads["gamma"], grads["beta"]

    def forward(self, x: Array, train: bool) -> Array:
        self.x_shape = x.shape
        x = self._features(x, "x")
        y = self._scratch("y", x)
        if not train:
            normalize(x, self.gamma, self.beta, self.epsilon, self.mean, self.variance, y)
            return self._examples(y)
        self.x_hat = self._scratch("x_hat", x)
        mean, self.batch_variance = (self.scratch(role, self.mean.shape, x) for role in ("mean", "variance"))
        batch_norm(x, self.gamma, self.beta, self.epsilon, self.x_hat, y, mean, self.batch_variance)
        m = x.shape[1]
        for running, of_batch in ((self.mean, mean), (self.variance, self.batch_variance * (m / max(m - 1, 1)))):
            running *= self.momentum
            running += (1.0 - self.momentum) * of_batch
        return self._examples(y)

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        dy = self._features(dy, "dy")
        dx = self._scratch("dx", dy)
        batch_norm_backward(dy, self.x_hat, self.batch_variance, self.gamma, self.epsilon, self.dgamma, self.dbeta, dx)
        return self._examples(dx) if need_dx else None

    def _features(self, x: Array, role: str) -> Array:
        """Return x as (features, m), a view; or a copy of images that lie in another order in memory."""
        if not self.is_of_images:
            return x.reshape(len(x), -1).T
        last = images_last(x)
        if not last.flags.c_contiguous:
            copy = self.scratch(role, last.shape, x)
            copy[...] = last
            last = copy
        return last.reshape(len(last), -1)

    def _scratch(self, role: str, like: Array) -> Array:
        """Return a (features, m) array of a role whose examples lie as those of `like` do."""
        if self.is_of_images:
            return self.scratch(role, like.shape, like)
        return self.scratch(role, like.shape[::-1], like).T

    def _examples(self, y: Array) -> Array:
        """Return (features, m) in the shape of the input."""
        if not self.is_of_images:
            return y.T.reshape(self.x_shape)
        n, *shape = self.x_shape
        return images_first(y.reshape(*shape, n))

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        numbers, copies = n * prod(self.in_shape), 1 if self.is_of_images else 0
        return numbers * (1 + copies) + (numbers * (2 + copies) + 2 * self.features if train else 0)
