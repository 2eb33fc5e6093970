"""The loss of a classifier whose outputs are scores."""

from typing import Literal

from mnistnn.backend import Array, array_module
from mnistnn.component import component
from mnistnn.kernels.softmax import softmax, softmax_nll, softmax_nll_on_gpu
from mnistnn.losses.contract import PerClassLoss


@component
class SoftmaxNLL(PerClassLoss):
    """Negative log-likelihood of a softmax over the model's outputs, one per class.

    L = −1/n Σ log softmax(zᵢ)[labelᵢ];  dz = (softmax(z) − Y)/n
    """

    type: Literal["softmax_nll"] = "softmax_nll"

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        n, scratch = len(z), self.scratch
        nll, dz = scratch("nll", (n,), z), scratch("dz", z.shape[::-1], z).T
        if not softmax_nll_on_gpu(z, labels, dz, nll):
            softmax_nll(z, self.label_places(z, labels, by_class=True), dz, scratch("row", (n,), z), nll)
        return nll, dz

    def probabilities(self, z: Array) -> Array:
        p = array_module(z).empty_like(z)
        softmax(z, p)
        return p
