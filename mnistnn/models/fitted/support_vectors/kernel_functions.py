"""The kernels that a support vector machine can be given by name: the similarity k(u, v) of two inputs."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mnistnn.component import component
from mnistnn.kernels import svm_kernels
from mnistnn.types import Array


@component
class Kernel:
    """Abstract: k(u, v) of two inputs, perhaps of their directions only."""

    type: str
    """The name of the kernel in an experiment."""
    unit_norm: bool = False
    """Whether each input is divided by its length first."""

    def prepared(self, rows: Array) -> Array:
        """Return inputs (n, d) as `gram` wants them: themselves, or a new array."""
        return svm_kernels.unit_rows(rows) if self.unit_norm else rows

    def gram(self, u: Array, v: Array, out: Array) -> None:
        """Write k of each row of u (n, d) with each of v (m, d), both prepared, into out (n, m)."""
        raise NotImplementedError

    def largest(self, square: float) -> float:
        """Return what no number that `gram` computes exceeds, where no ‖u‖² of inputs exceeds `square`."""
        raise NotImplementedError


@component
class PolynomialKernel(Kernel):
    """k(u, v) = ((u·v + offset) · scale)^degree: the products of up to `degree` inputs are what is compared."""

    type: Literal["polynomial"] = "polynomial"
    degree: Annotated[int, Field(ge=1, le=100)] = 3
    """Of the polynomial; 1 is a linear machine."""
    offset: Annotated[float, Field(ge=0)] = 1.0
    """What is added to u·v. The larger, the more count products of few inputs; 0 leaves those of `degree` alone."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """What the sum is multiplied by. 1/(1 + offset) makes k(u, u) = 1 for inputs of length 1."""

    def gram(self, u: Array, v: Array, out: Array) -> None:
        svm_kernels.polynomial(u, v, self.degree, self.offset, self.scale, out)

    def largest(self, square: float) -> float:
        with np.errstate(over="ignore"):
            largest = np.float64(1.0 if self.unit_norm else square) + self.offset
            return float(max(largest, (largest * self.scale) ** self.degree))


@component
class GaussianKernel(Kernel):
    """k(u, v) = exp(−gamma ‖u − v‖²): the nearer two inputs are, the more alike."""

    type: Literal["gaussian"] = "gaussian"
    gamma: Annotated[float, Field(gt=0)] = 0.02
    """1/(2σ²) for a Gaussian of deviation σ. The larger, the nearer an input must be to count."""

    def gram(self, u: Array, v: Array, out: Array) -> None:
        svm_kernels.gaussian(u, v, self.gamma, out)

    def largest(self, square: float) -> float:
        return max(1.0, 4.0 * (1.0 if self.unit_norm else square) * max(1.0, self.gamma))


AnyKernel = Annotated[PolynomialKernel | GaussianKernel, Field(discriminator="type")]
"""The registry: every kernel that an experiment can name by its `type`."""
