"""Classification as regression: outputs that should be 1 for the label and 0 for the rest."""

from math import sqrt
from typing import ClassVar, Literal

from mnistnn.component import component
from mnistnn.kernels.squared_error import squared_error
from mnistnn.losses.class_weights import WeightedByClass
from mnistnn.losses.contract import PerClassLoss
from mnistnn.types import Array


@component
class SquaredError(WeightedByClass, PerClassLoss):
    """Σⱼ (yⱼ − Yⱼ)² against one-hot targets Y: summed over outputs, averaged over examples.

    dy = 2 (y − Y)/n. With linear outputs this is linear regression; with `activation: sigmoid` on the last layer it is
    the squared error of the early nets.
    """

    type: Literal["squared_error"] = "squared_error"

    is_convex: ClassVar[bool] = True
    has_probabilities: ClassVar[bool] = False

    def plain_losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        scratch = self.scratch
        error, dz, square = scratch("error", (len(z),), z), scratch("dz", z.shape, z), scratch("square", z.shape, z)
        squared_error(z, self.label_places(z, labels), dz, square, error)
        return error, dz

    def plain_curvature_product(self, z: Array, z_dot: Array) -> Array:
        """H = 2 I, since the square has no ½."""
        z_dot *= 2.0 / len(z)
        return z_dot

    def plain_curvature_diagonal(self, z: Array) -> Array:
        diagonal = self.scratch("diagonal", z.shape, z)
        diagonal[...] = 2.0 / len(z)
        return diagonal

    def plain_curvature_roots(self, z: Array) -> Array:
        n, k = z.shape
        roots = self.scratch("roots", (k, n, k), z)
        roots[...] = 0.0
        for j, root in enumerate(roots):
            root[:, j] = sqrt(2.0)
        return roots

    def probabilities(self, z: Array) -> Array:
        """Return the outputs themselves: squared error gives scores, not probabilities."""
        return z.copy()
