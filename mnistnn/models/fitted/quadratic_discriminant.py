"""A Gaussian for each class: the boundaries between classes are quadratic."""

from collections.abc import Iterator
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.component import component
from mnistnn.errors import DivergedError
from mnistnn.losses import Loss
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.contract import Tell, refuse_one_class
from mnistnn.models.fitted.closed_form import ClosedForm
from mnistnn.types import Array, Shape

_ABSENT = -1e30  # the score of a class without examples: finite, also as a float32
_SINGULAR = 1e-12  # a share of the largest variance of all inputs, below which one is zero but for rounding


@component
class QuadraticDiscriminant(ClosedForm):
    """Each class c is a Gaussian N(μ_c, Σ_c), fitted by its examples; the score is the logarithm of its share in x:

    z_c = log π_c − ½ log |Σ_c| − ½ (x − μ_c)ᵀ Σ_c⁻¹ (x − μ_c), up to a constant, so that softmax(z) is the probability.

    π_c is the share of c among the examples, Σ_c their covariance plus `ridge` · I. With Σ_c = U S Uᵀ and
    W_c = U S^−½, the quadratic form is ‖(x − μ_c) W_c‖². mean (k, d), W (k, d, d), offset (k,). Fitted in one round, in
    float64: n d² multiply-adds and some 10 d³ for each class. A class without examples is never predicted. Duda, Hart
    & Stork (2001), section 2.6.
    """

    type: Literal["quadratic_discriminant"] = "quadratic_discriminant"
    ridge: Annotated[float, Field(ge=0)] = 0.0
    """Added to the variance of every direction of each class: directions in which a class hardly varies then decide
    less. Classes that do not vary in some direction need it."""

    def build(self, in_shape: Shape, classes: int) -> None:
        refuse_one_class(classes)
        self.in_shape, self.classes, self.n_in = in_shape, classes, prod(in_shape)
        self.shapes: dict[str, Shape] = {"classes": (classes,)}
        self._criterion = SoftmaxNLL()
        self._criterion.build((classes,), classes)

    @property
    def criterion(self) -> Loss:
        return self._criterion

    @property
    def size(self) -> int:
        return self.classes * (self.n_in**2 + self.n_in + 1)

    @property
    def multiply_adds(self) -> int:
        return self.classes * self.n_in * (self.n_in + 1)

    def allocate(self, xp: Any, dtype: str) -> None:
        k, d = self.classes, self.n_in
        self.mean = xp.zeros((k, d), dtype=dtype)
        self.W = xp.zeros((k, d, d), dtype=dtype)
        self.offset = xp.zeros(k, dtype=dtype)
        self._fitted = False

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        if self._fitted:
            return
        xp, rows, of_class = array_module(self.W), to_host(as_rows(x)), to_host(labels)
        with np.errstate(over="ignore", invalid="ignore"):  # said below, of the class that it is about
            largest = float(rows.var(axis=0, dtype=np.float64).max(initial=0.0))
        for c in range(self.classes):
            tell("classes", c, self.classes)
            examples = rows[of_class == c].astype(np.float64)
            mean, W, offset = self._gaussian(c, examples, len(examples) / len(rows), _SINGULAR * largest)
            with np.errstate(over="ignore"):  # numbers too large for the dtype are refused before they are kept
                self.mean[c], self.W[c], self.offset[c] = map(xp.asarray, (mean, W, offset))
        self._fitted = True
        yield 1

    def _gaussian(
        self, c: int, examples: np.ndarray, share: float, least: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return μ (d,), W (d, d) and offset () of class c, by its examples (n, d), which are overwritten."""
        d = self.n_in
        if not len(examples):
            return np.zeros(d), np.zeros((d, d)), np.array(_ABSENT)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = examples.mean(axis=0)
            examples -= mean
            covariance = examples.T @ examples / len(examples)
        if not np.isfinite(covariance.diagonal()).all():
            raise DivergedError(
                "quadratic discriminant: the inputs are not all finite numbers, or too large to be squared"
            )
        variances, directions = np.linalg.eigh(covariance)
        variances = variances + self.ridge
        if variances[0] <= least:
            rank = int((variances > least).sum())
            raise DivergedError(
                f"quadratic discriminant: the {share * 100:.3g} % of the examples that are of class {c} vary in {rank} "
                f"of {d} directions only; model.ridge above 0, or preprocess: [{{type: whiten, dimensions: 40}}], helps"
            )
        return mean, directions / np.sqrt(variances), np.array(np.log(share) - 0.5 * np.log(variances).sum())

    def scores(self, x: Array) -> Array:
        rows, scores = as_rows(x), array_module(x).empty((len(x), self.classes), dtype=x.dtype)
        for c in range(self.classes):
            y = (rows - self.mean[c]) @ self.W[c]
            scores[:, c] = self.offset[c] - 0.5 * (y * y).sum(axis=1)
        return scores

    def weights(self) -> tuple[str, Array, list[str] | None]:
        """Return the means of the classes."""
        return "mean", self.mean.T, None

    def own(self) -> dict[str, Array]:
        return {"mean": self.mean, "W": self.W, "offset": self.offset}
