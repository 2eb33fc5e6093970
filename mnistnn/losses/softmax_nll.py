"""The loss of a classifier whose outputs are scores."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module, take_rows
from mnistnn.component import component
from mnistnn.kernels.softmax import (
    softmax,
    softmax_curvature_product,
    softmax_curvature_roots,
    softmax_nll,
    softmax_nll_in_loops,
    softmax_nll_on_gpu,
)
from mnistnn.losses.class_weights import WeightedByClass
from mnistnn.losses.contract import PerClassLoss
from mnistnn.types import Array


@component
class SoftmaxNLL(WeightedByClass, PerClassLoss):
    """Negative log-likelihood of a softmax over the model's outputs, one per class.

    L = −1/n Σ log softmax(zᵢ)[labelᵢ];  dz = (softmax(z) − Y)/n

    With label smoothing ε and weights w of the classes (1 without), the log-probability of every class counts:
    Lᵢ = −Σⱼ qᵢⱼ log pᵢⱼ with qᵢⱼ = (1 − ε) w_y [j = y] + ε/K wⱼ for y = labelᵢ;  dzᵢ = (sᵢ pᵢ − qᵢ)/n, sᵢ = Σⱼ qᵢⱼ.
    Szegedy et al. (2016).
    """

    type: Literal["softmax_nll"] = "softmax_nll"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share ε of the target that is spread over all K classes: (1 − ε) for the label, and ε/K for each class.
    Evaluations measure the loss without smoothing."""

    is_convex: ClassVar[bool] = True

    @property
    def is_plain(self) -> bool:
        """Whether there are neither weights of classes nor smoothing."""
        return self.class_weights is None and self.label_smoothing == 0.0

    def plain_losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        n, scratch = len(z), self.scratch
        # dz has memory of its own: z belongs to the last layer, which has lent it.
        nll, dz = scratch("nll", (n,), z), scratch("dz", z.shape[::-1], z).T
        if softmax_nll_on_gpu(z, labels, dz, nll):
            return nll, dz
        row = scratch("row", (n,), z)
        if not softmax_nll_in_loops(z, labels, dz, row, nll):
            softmax_nll(z, self.label_places(z, labels, by_class=True), dz, row, nll)
        return nll, dz

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        """Return the loss of each example and the gradient, weighted and smoothed.

        What smoothing adds to sᵢ times the plain loss, and to its gradient (W = Σⱼ wⱼ):
        ε/K (W z_y − Σⱼ wⱼ zⱼ);  ε/(K n) (W Y − w).
        """
        losses, dz = super().losses_and_dz(z, labels)
        if self.label_smoothing == 0.0:
            return losses, dz
        n, scratch, spread = len(z), self.scratch, self._spread(z)
        total, row, of_class = spread.sum(), scratch("row", (n,), z), scratch("work", z.shape[::-1], z)
        at = self.label_places(z, labels, by_class=True)
        of_class[...] = z.T
        take_rows(of_class.reshape(-1), at, out=row)
        row *= total
        losses += row
        of_class *= spread[:, None]
        of_class.sum(axis=0, out=row)
        losses -= row
        spread *= 1.0 / n
        dz -= spread
        of_dz = dz.T.reshape(-1)
        take_rows(of_dz, at, out=row)
        row += total * (1.0 / n)
        of_dz[at] = row
        return losses, dz

    def factors(self, z: Array, labels: Array) -> Array | None:
        """Return sᵢ = (1 − ε) w_y + ε/K Σⱼ wⱼ; without weights it is 1."""
        factors = super().factors(z, labels)
        if factors is not None and self.label_smoothing > 0.0:
            factors *= 1.0 - self.label_smoothing
            factors += self._spread(z).sum()
        return factors

    def _spread(self, z: Array) -> Array:
        """Return what each class gets of every example's target: ε/K wⱼ (K,)."""
        spread, weights = self.scratch("spread", z.shape[1:], z), self.weights(z)
        spread[...] = 1.0 if weights is None else weights
        spread *= self.label_smoothing / z.shape[1]
        return spread

    def probabilities(self, z: Array) -> Array:
        p = array_module(z).empty_like(z)
        softmax(z, p)
        return p

    def plain_curvature_product(self, z: Array, z_dot: Array) -> Array:
        p, work = self.scratch("p", z.shape, z), self.scratch("work", z.shape, z)
        mean = self.scratch("mean", (len(z), 1), z)
        softmax(z, p)
        softmax_curvature_product(p, z_dot, mean, work)
        return z_dot

    def plain_curvature_diagonal(self, z: Array) -> Array:
        p, diagonal = self.scratch("p", z.shape, z), self.scratch("diagonal", z.shape, z)
        softmax(z, p)
        array_module(z).subtract(1.0, p, out=diagonal)
        diagonal *= p
        diagonal *= 1.0 / len(z)
        return diagonal

    def plain_curvature_roots(self, z: Array) -> Array:
        (n, k), p = z.shape, self.scratch("p", z.shape, z)
        softmax(z, p)
        roots = self.scratch("roots", (k, n, k), z)
        softmax_curvature_roots(p, roots)
        return roots
