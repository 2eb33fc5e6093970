"""Logistic regression on two classes: one output, the log-odds of class 1."""

from math import sqrt
from typing import ClassVar, Literal

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.activations import sigmoid
from mnistnn.kernels.binary import binary_nll
from mnistnn.losses.class_weights import WeightedByClass
from mnistnn.losses.contract import TwoClassLoss
from mnistnn.types import Array


@component
class BinaryNLL(WeightedByClass, TwoClassLoss):
    """Negative log-likelihood of P(1) = σ(z) for two classes and one output, as in the slides' logistic regression.

    L = 1/n Σ softplus(zᵢ) − tᵢ zᵢ;  dz = (σ(z) − t)/n. Two classes come from `data.labels`.
    """

    type: Literal["binary_nll"] = "binary_nll"

    is_convex: ClassVar[bool] = True

    def plain_losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        n = len(z)
        t, nll, dz = (self.scratch(role, (n,), z) for role in ("t", "nll", "dz"))
        t[...] = labels
        binary_nll(z.reshape(-1), t, dz, nll)
        return nll, dz.reshape(n, 1)

    def plain_curvature_product(self, z: Array, z_dot: Array) -> Array:
        """H = σ(z) (1 − σ(z))."""
        z_dot *= self.plain_curvature_diagonal(z)
        return z_dot

    def plain_curvature_diagonal(self, z: Array) -> Array:
        p, diagonal = self.scratch("p", z.shape, z), self.scratch("diagonal", z.shape, z)
        p[...] = z
        sigmoid(p)
        array_module(z).subtract(1.0, p, out=diagonal)
        diagonal *= p
        diagonal *= 1.0 / len(z)
        return diagonal

    def plain_curvature_roots(self, z: Array) -> Array:
        n, roots = len(z), self.scratch("roots", (1, *z.shape), z)
        array_module(z).sqrt(self.plain_curvature_diagonal(z), out=roots[0])
        roots *= sqrt(n)
        return roots

    def probabilities(self, z: Array) -> Array:
        p = z[:, 0].copy()
        sigmoid(p)
        return array_module(z).stack([1.0 - p, p], axis=1)
