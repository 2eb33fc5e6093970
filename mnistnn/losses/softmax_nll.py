"""The loss of a classifier whose outputs are scores."""

from typing import ClassVar, Literal

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.softmax import (
    softmax,
    softmax_curvature_product,
    softmax_curvature_roots,
    softmax_nll,
    softmax_nll_on_gpu,
)
from mnistnn.losses.contract import PerClassLoss
from mnistnn.types import Array


@component
class SoftmaxNLL(PerClassLoss):
    """Negative log-likelihood of a softmax over the model's outputs, one per class.

    L = −1/n Σ log softmax(zᵢ)[labelᵢ];  dz = (softmax(z) − Y)/n
    """

    type: Literal["softmax_nll"] = "softmax_nll"

    is_convex: ClassVar[bool] = True

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        n, scratch = len(z), self.scratch
        # dz has memory of its own: z belongs to the last layer, which has lent it.
        nll, dz = scratch("nll", (n,), z), scratch("dz", z.shape[::-1], z).T
        if not softmax_nll_on_gpu(z, labels, dz, nll):
            softmax_nll(z, self.label_places(z, labels, by_class=True), dz, scratch("row", (n,), z), nll)
        return nll, dz

    def probabilities(self, z: Array) -> Array:
        p = array_module(z).empty_like(z)
        softmax(z, p)
        return p

    def curvature_product(self, z: Array, labels: Array, z_dot: Array) -> Array:
        p, work = self.scratch("p", z.shape, z), self.scratch("work", z.shape, z)
        mean = self.scratch("mean", (len(z), 1), z)
        softmax(z, p)
        softmax_curvature_product(p, z_dot, mean, work)
        return z_dot

    def curvature_diagonal(self, z: Array, labels: Array) -> Array:
        p, diagonal = self.scratch("p", z.shape, z), self.scratch("diagonal", z.shape, z)
        softmax(z, p)
        array_module(z).subtract(1.0, p, out=diagonal)
        diagonal *= p
        diagonal *= 1.0 / len(z)
        return diagonal

    def curvature_roots(self, z: Array, labels: Array) -> Array:
        (n, k), p = z.shape, self.scratch("p", z.shape, z)
        softmax(z, p)
        roots = self.scratch("roots", (k, n, k), z)
        softmax_curvature_roots(p, roots)
        return roots
