"""Whitening: inputs with mean 0 whose dimensions are uncorrelated and have variance 1."""

from math import prod
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.component import component
from mnistnn.preprocess.contract import Transform, row_blocks
from mnistnn.types import Array, Shape, ShapeError


@component
class Whiten(Transform):
    """PCA or ZCA whitening, fitted as in the slides: with Σ = U S Uᵀ the covariance of the training split,

    pca: (x − mean) U / √(S + ε), with the directions whose variance exceeds `threshold` only;
    zca: that, turned back by Uᵀ, so that the result is an image again (Bell & Sejnowski 1997).

    Fitting costs 2·n·d² flops for Σ and about 10·d³ for its eigenvectors; applying, 2·n·d·kept.
    """

    type: Literal["whiten"] = "whiten"
    method: Literal["pca", "zca"] = "pca"
    """pca reduces dimensions; zca keeps the shape of the image."""
    epsilon: Annotated[float, Field(ge=0)] = 1e-5
    """Added to each variance before dividing by its root. Larger values leave noisy directions small."""
    threshold: Annotated[float, Field(ge=0)] = 1e-5
    """Directions with no more variance than this are dropped."""
    dimensions: Annotated[int, Field(ge=1)] | None = None
    """Keep at most so many directions, those of largest variance."""
    file: str | None = None
    """Take mean, directions and variances from this file of `mnistnn whiten` instead of fitting them. The other keys
    hold all the same; directions that the file lacks stay dropped."""

    fitted: ClassVar[tuple[str, ...]] = ("mean", "directions", "variances")

    def build(self, in_shape: Shape) -> None:
        super().build(in_shape)
        if self.method == "pca":
            d = prod(in_shape)
            self.out_shape = (d if self.dimensions is None else min(d, self.dimensions),)
            self.is_settled = False

    def source(self) -> str | None:
        return self.file

    def fit(self, x: Array) -> None:
        """Set mean (d,), variances (d,), largest first, and the directions kept (d, kept), as columns."""
        flat = to_host(x).reshape(len(x), -1)  # (n, d)
        self.mean = flat.mean(axis=0, dtype=np.float64)
        covariance = np.zeros((flat.shape[1], flat.shape[1]))
        for rows in row_blocks(len(flat)):
            centred = flat[rows] - self.mean
            covariance += centred.T @ centred
        covariance /= len(flat)
        variances, directions = np.linalg.eigh(covariance)  # ascending
        self.variances = variances[::-1].clip(min=0.0)  # rounding leaves some a little below zero
        self.directions = _with_signs(directions[:, ::-1])
        self._cut()

    def restore(self, tensors: dict[str, np.ndarray]) -> None:
        super().restore(tensors)
        self._cut()

    def takes(self, shapes: dict[str, Shape]) -> bool:
        d, directions = prod(self.in_shape), shapes["directions"]
        fits = len(directions) == 2 and directions[0] == d and 1 <= directions[1] <= d
        return fits and shapes["mean"] == shapes["variances"] == (d,)

    @property
    def kept(self) -> int:
        """The number of directions kept."""
        return len(self.directions.T)

    @property
    def energy_kept(self) -> float:
        """The share of the total variance that lies in the directions kept."""
        return float(self.variances[: self.kept].sum() / self.variances.sum())

    @property
    def matrix(self) -> np.ndarray:
        """The matrix by which rows of centred inputs are multiplied: (d, kept), or turned back (d, d)."""
        scaled: np.ndarray = self.directions / np.sqrt(self.variances[: self.kept] + self.epsilon)
        return scaled if self.method == "pca" else scaled @ self.directions.T

    def _cut(self) -> None:
        """Drop the directions that `threshold` and `dimensions` do not want. Raises ShapeError if none stay."""
        wanted = min(int((self.variances > self.threshold).sum()), self.kept)
        if self.dimensions is not None:
            wanted = min(wanted, self.dimensions)
        if not wanted:
            raise ShapeError(
                f"no direction has a variance above the threshold of {self.threshold:g}; "
                f"the largest is {self.variances[0]:.3g}"
            )
        self.directions = np.ascontiguousarray(self.directions[:, :wanted])
        self.out_shape = (wanted,) if self.method == "pca" else self.in_shape
        self.is_settled = True

    def weights_on_inputs(self, W: np.ndarray) -> np.ndarray:
        result: np.ndarray = self.matrix @ W
        return result

    def apply(self, x: Array) -> Array:
        xp = array_module(x)
        matrix = xp.asarray(self.matrix, dtype=x.dtype)
        mean = xp.asarray(self.mean, dtype=x.dtype)
        d, k = matrix.shape
        memory = x.reshape(-1)
        for rows in row_blocks(len(x)):
            # Row i of the result lies at i·k, with k ≤ d, so it never covers rows of x that are still to come.
            block = memory[rows.start * d : rows.stop * d].reshape(-1, d)
            memory[rows.start * k : rows.stop * k] = ((block - mean) @ matrix).reshape(-1)
        return memory[: len(x) * k].reshape(len(x), *self.out_shape)


def _with_signs(directions: np.ndarray) -> np.ndarray:
    """Return the columns with their largest entry positive: an eigenvector's sign is arbitrary, and so made ours."""
    largest = np.abs(directions).argmax(axis=0)
    signed: np.ndarray = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    return signed
