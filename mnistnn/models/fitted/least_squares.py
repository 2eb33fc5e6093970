"""Linear classifiers in closed form: one least-squares problem for all classes, or one for each pair of them."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.component import component
from mnistnn.errors import DivergedError
from mnistnn.kernels.least_squares import Matrix, least_squares
from mnistnn.losses import Loss
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.contract import Tell, refuse_one_class
from mnistnn.models.fitted.closed_form import ClosedForm
from mnistnn.models.fitted.pairs import UNIT_OF_VOTES, limited_sums, sums, votes
from mnistnn.types import Array, Shape


@component
class LeastSquares(ClosedForm):
    """Outputs x W + b, with the W and b that minimise Σᵢ ‖xᵢ W + b − tᵢ‖² + ridge · n ‖W‖² over n examples.

    Where several do, those of the least norm. Fitted in one round, in float64 on the host, by the normal equations and
    refined by the residuals (kernels/least_squares.py). Inputs take 8 bytes a number meanwhile; n examples of d inputs
    take n d² multiply-adds, and each of the problems of pairs d³, or some 10 d³ without ridge. W (d, outputs), b
    (outputs,). LeCun, Bottou, Bengio & Haffner (1998).
    """

    type: Literal["least_squares"] = "least_squares"
    targets: Literal["one_hot", "pairwise"] = "one_hot"
    """one_hot: an output for each class, 1 for the label and 0 for the rest. pairwise: an output for each pair of
    classes i < j, 1 for examples of i and -1 for those of j, fitted to these alone."""
    ridge: Annotated[float, Field(ge=0)] = 0.0
    """How much large weights cost, as a mean over examples; b is free. 0 is plain least squares."""
    combine: Literal["votes", "limited", "sum"] = "votes"
    """How the outputs of pairs make a score of a class. votes: the share of its pairs that it wins, ties broken by
    limited outputs. limited: the sum of its outputs, each limited to ±0.5. sum: of its outputs as they are, as the
    source describes it, which is far worse (14 to 19 % of MNIST instead of 7): pairs that an example belongs to neither
    of have large outputs that mean nothing."""

    def build(self, in_shape: Shape, classes: int) -> None:
        refuse_one_class(classes)
        self.in_shape, self.classes = in_shape, classes
        self.n_in = prod(in_shape)
        self.pairs = list(combinations(range(classes), 2)) if self.targets == "pairwise" else []
        self.outputs = len(self.pairs) or classes
        self.shapes: dict[str, Shape] = {"outputs": (self.outputs,)}
        self._criterion = SquaredError()
        self._criterion.build((classes,), classes)

    @property
    def criterion(self) -> Loss:
        return self._criterion

    @property
    def size(self) -> int:
        return (self.n_in + 1) * self.outputs

    @property
    def multiply_adds(self) -> int:
        return self.n_in * self.outputs

    def allocate(self, xp: Any, dtype: str) -> None:
        self.W = xp.zeros((self.n_in, self.outputs), dtype=dtype)
        self.b = xp.zeros(self.outputs, dtype=dtype)
        self._fitted = False

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        if self._fitted:
            return
        by_class = np.argsort(to_host(labels), kind="stable")
        X = np.ones((len(by_class), self.n_in + 1))
        X[:, :-1] = to_host(as_rows(x))[by_class]
        counts = np.bincount(to_host(labels), minlength=self.classes)
        parts = np.split(X, np.cumsum(counts)[:-1])  # views: the examples of each class
        tell("products of inputs", 0, None)
        with np.errstate(over="ignore", invalid="ignore"):
            grams = [part.T @ part for part in parts]
        if not all(np.isfinite(gram.diagonal()).all() for gram in grams):
            raise DivergedError("least squares: the inputs are not all finite numbers, or too large to be squared")
        solution = self._of_pairs(parts, grams, tell) if self.pairs else self._of_classes(parts, grams)
        xp = array_module(self.W)
        with np.errstate(over="ignore"):  # numbers too large for the dtype are refused before they are kept
            self.W[...] = xp.asarray(solution[:-1])
            self.b[...] = xp.asarray(solution[-1])
        self._fitted = True
        yield 1

    def _of_classes(self, parts: Sequence[Matrix], grams: Sequence[Matrix]) -> Matrix:
        """Return [W; b] (d + 1, k) for one-hot targets."""
        return least_squares(parts, grams, list(np.eye(self.classes)), self.ridge * sum(map(len, parts)))

    def _of_pairs(self, parts: Sequence[Matrix], grams: Sequence[Matrix], tell: Tell) -> Matrix:
        """Return [W; b] (d + 1, pairs), each pair's by the examples of its two classes."""
        solutions: Matrix = np.empty((self.n_in + 1, len(self.pairs)))
        targets = [np.array([1.0]), np.array([-1.0])]
        for number, (i, j) in enumerate(self.pairs):
            tell("pairs of classes", number, len(self.pairs))
            of_pair, examples = [parts[i], parts[j]], len(parts[i]) + len(parts[j])
            solutions[:, number] = least_squares(of_pair, [grams[i], grams[j]], targets, self.ridge * examples)[:, 0]
        return solutions

    def scores(self, x: Array) -> Array:
        outputs = as_rows(x) @ self.W
        outputs += self.b
        return self._combined(outputs) if self.pairs else outputs

    def _combined(self, outputs: Array) -> Array:
        """Return the score of each class (n, k) by the outputs of pairs (n, pairs)."""
        combine = {"votes": votes, "limited": limited_sums, "sum": sums}[self.combine]
        return combine(outputs, self.pairs, self.classes)

    @property
    def unit(self) -> str:
        if not self.pairs:
            return super().unit
        return UNIT_OF_VOTES if self.combine == "votes" else "sums of the outputs of its pairs"

    def weights(self) -> tuple[str, Array, list[str] | None]:
        return "W", self.W, [f"{i}/{j}" for i, j in self.pairs] or None

    def own(self) -> dict[str, Array]:
        return {"W": self.W, "b": self.b}
