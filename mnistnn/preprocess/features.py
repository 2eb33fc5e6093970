"""The features of an RBM or an autoencoder, as inputs of whatever learns from them."""

from math import prod
from typing import ClassVar, Literal

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.activations import sigmoid
from mnistnn.preprocess.contract import Transform, row_blocks
from mnistnn.types import Array, Shape, ShapeError


@component
class Features(Transform):
    """y = σ(v W + b): the hidden units of an autoencoder, or how probable it is that each of an RBM's is on, given
    the inputs v.

    W (n_in, units), b (units,) are those of a run, written to a file by `mnistnn export --to features`, whose
    own transforms of the inputs are to come before this one. Nothing is fitted. Hinton, Osindero & Teh (2006).
    """

    type: Literal["features"] = "features"
    file: str
    """Its parameters. They are kept with the run, which needs the file no more once it has begun."""

    fitted: ClassVar[tuple[str, ...]] = ("W", "b")

    def build(self, in_shape: Shape) -> None:
        super().build(in_shape)
        self.is_settled = False

    def source(self) -> str | None:
        return self.file

    def fit(self, x: Array) -> None:
        raise ShapeError(f"features are those of a model that has learned, and {self.file} has none for these inputs")

    def restore(self, tensors: dict[str, np.ndarray]) -> None:
        super().restore(tensors)
        self.W, self.b = tensors["W"], tensors["b"]
        self.out_shape, self.is_settled = (len(self.b),), True

    def takes(self, shapes: dict[str, Shape]) -> bool:
        W, b = shapes["W"], shapes["b"]
        return len(b) == 1 and b[0] >= 1 and (prod(self.in_shape), b[0]) == W

    def apply(self, x: Array) -> Array:
        xp, n = array_module(x), len(x)
        W, b = (xp.asarray(array, dtype=x.dtype) for array in (self.W, self.b))
        out = xp.empty((n, *self.out_shape), dtype=x.dtype)
        for rows in row_blocks(n):
            xp.matmul(x[rows].reshape(-1, len(W)), W, out=out[rows])
            out[rows] += b
            sigmoid(out[rows])
        return out
