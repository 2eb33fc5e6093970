"""The simplest thing to be minimised: a bowl, ½ Σ aᵢ θᵢ², wide along some axes and narrow along others."""

import numpy as np

from mnistnn.optim.contract import Decay, GaussNewtonContract
from mnistnn.types import Array


class Bowl:
    """The objective of an optimizer that is tried: its lowest point is 0, where the gradient is exactly 0."""

    decay: Decay = ()
    mean_loss = 0.0
    passed = 0
    examples = 1

    def __init__(self, size: int, dtype: str, start: float = 1.0) -> None:
        self.theta: Array = np.full(size, start, dtype=dtype)
        self.theta[1::2] *= -1.0
        self.grad: Array = np.zeros(size, dtype=dtype)
        self._widths = np.linspace(0.1, 1.0, size).astype(dtype)
        self._work = np.empty_like(self.theta)

    @property
    def gauss_newton(self) -> GaussNewtonContract:
        raise NotImplementedError  # who needs it is tried on a network

    def loss_and_grad(self, decay: bool = True) -> Array:
        np.multiply(self._widths, self.theta, out=self.grad)
        np.multiply(self.grad, self.theta, out=self._work)
        self.passed += 1
        return 0.5 * self._work.sum() / self.theta.size

    def value_and_grad(self) -> float:
        self.loss_and_grad()
        self.grad /= self.theta.size
        return self.value()

    def value(self) -> float:
        self.passed += 1
        self.mean_loss = float((self._widths * self.theta * self.theta).sum(dtype="float64")) / (2 * self.theta.size)
        return self.mean_loss

    def tell(self, what: str, done: int, most: int | None) -> None:
        """Hear nothing."""
