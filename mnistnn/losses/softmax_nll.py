"""The loss of a classifier whose outputs are scores."""

from typing import Literal

import numpy as np

from mnistnn.backend import Array, array_module
from mnistnn.component import component
from mnistnn.kernels.softmax import softmax, softmax_nll
from mnistnn.losses.contract import PerClassLoss


@component
class SoftmaxNLL(PerClassLoss):
    """Negative log-likelihood of a softmax over the model's outputs, one per class.

    L = −1/n Σ log softmax(zᵢ)[labelᵢ];  dz = (softmax(z) − Y)/n
    """

    type: Literal["softmax_nll"] = "softmax_nll"

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        n, scratch = len(z), self.scratch
        by_class = isinstance(z, np.ndarray)
        dz = scratch("dz", z.shape[::-1], z).T if by_class else scratch("dz", z.shape, z)
        nll = scratch("nll", (n,), z)
        softmax_nll(z, self.label_places(z, labels, by_class), dz, scratch("row", (n,), z), nll)
        return nll, dz

    def probabilities(self, z: Array) -> Array:
        p = array_module(z).empty_like(z)
        softmax(z, p)
        return p
