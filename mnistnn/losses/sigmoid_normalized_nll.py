"""The slides' multiclass output: sigmoids divided by their sum, trained by negative log-likelihood."""

from typing import Literal

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.sigmoid_normalized import sigmoid_normalized, sigmoid_normalized_nll
from mnistnn.losses.class_weights import WeightedByClass
from mnistnn.losses.contract import PerClassLoss
from mnistnn.types import Array


@component
class SigmoidNormalizedNLL(WeightedByClass, PerClassLoss):
    """Negative log-likelihood of P(c) = σ(z_c)/Σ σ(z), the slides' equation for multiclass logistic regression.

    L = −1/n Σ log P(labelᵢ);  dz = (1 − σ(z))(P − Y)/n. The slides say that softmax computes this; it does not, as it
    normalises exponentials. At z = 0 the gradient is half the softmax's; as z → −∞ the two become the same.
    """

    type: Literal["sigmoid_normalized_nll"] = "sigmoid_normalized_nll"

    def plain_losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        n, scratch = len(z), self.scratch
        nll, dz, off = scratch("nll", (n,), z), scratch("dz", z.shape, z), scratch("off", z.shape, z)
        sigmoid_normalized_nll(z, self.label_places(z, labels), dz, off, scratch("row", (n, 1), z), nll)
        return nll, dz

    def probabilities(self, z: Array) -> Array:
        p = array_module(z).empty_like(z)
        sigmoid_normalized(z, p)
        return p
