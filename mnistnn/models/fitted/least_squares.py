"""Linear classifiers in closed form: one least-squares problem for all classes, or one for each pair of them."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.component import component
from mnistnn.losses import Loss
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.contract import Fitted, Tell
from mnistnn.types import Array, Shape, ShapeError

# Eigenvalues of XᵀX that count as zero, as a share of the largest: rounding makes no smaller ones.
_NEGLIGIBLE = 1e-13
_REFINEMENTS = 3  # the first is the solution itself; each makes the error some 10⁻⁴ of what it was, or less
LIMIT = 0.5  # of an output, where outputs are limited before they are added up

Matrix = NDArray[np.floating[Any]]  # of float64


@component
class LeastSquares(Fitted):
    """Outputs x W + b, with the W and b that minimise Σᵢ ‖xᵢ W + b − tᵢ‖² + ridge · n ‖W‖² over n examples.

    Where several do, those of the least norm. Fitted in one round, in float64 on the host: with X the inputs and a
    column of ones, the eigenvalues of XᵀX + ridge · n I give the solution, which is then refined by its residuals. So
    it is as exact as if X itself had been decomposed, for a fraction of the time. Inputs take 8 bytes a number
    meanwhile, n examples of d inputs n d² multiply-adds, and each of the problems of pairs some 10 d³. W (d, outputs),
    b (outputs,). LeCun, Bottou, Bengio & Haffner (1998).
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
        if classes < 2:
            raise ShapeError(f"needs two classes or more, and the data have {classes}")
        self.in_shape, self.classes = in_shape, classes
        self.n_in = prod(in_shape)
        self.pairs = list(combinations(range(classes), 2)) if self.targets == "pairwise" else []
        self.outputs = len(self.pairs) or classes
        self.shapes: dict[str, Shape] = {"outputs": (self.outputs,)}
        self._criterion = SquaredError()
        self._criterion.build((classes,), classes)

    @property
    def rounds(self) -> int:
        return 1

    @property
    def rounds_done(self) -> int:
        return int(self._fitted)

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
        grams = [part.T @ part for part in parts]
        solution = self._of_pairs(parts, grams, tell) if self.pairs else self._of_classes(parts, grams)
        xp = array_module(self.W)
        self.W[...] = xp.asarray(solution[:-1])
        self.b[...] = xp.asarray(solution[-1])
        self._fitted = True
        yield 1

    def _of_classes(self, parts: Sequence[Matrix], grams: Sequence[Matrix]) -> Matrix:
        """Return [W; b] (d + 1, k) for one-hot targets."""
        targets = [np.tile(row, (len(part), 1)) for row, part in zip(np.eye(self.classes), parts, strict=True)]
        return self._solve(np.sum(grams, axis=0), parts, targets)

    def _of_pairs(self, parts: Sequence[Matrix], grams: Sequence[Matrix], tell: Tell) -> Matrix:
        """Return [W; b] (d + 1, pairs), each pair's by the examples of its two classes."""
        solutions: Matrix = np.empty((self.n_in + 1, len(self.pairs)))
        for number, (i, j) in enumerate(self.pairs):
            tell("pairs of classes", number, len(self.pairs))
            targets = [np.full((len(parts[i]), 1), 1.0), np.full((len(parts[j]), 1), -1.0)]
            solutions[:, number] = self._solve(grams[i] + grams[j], [parts[i], parts[j]], targets)[:, 0]
        return solutions

    def _solve(self, gram: Matrix, parts: Sequence[Matrix], targets: Sequence[Matrix]) -> Matrix:
        """Return the w (d + 1, m) for inputs and targets in parts, whose XᵀX is `gram`."""
        penalty = np.full((len(gram), 1), self.ridge * sum(map(len, parts)))
        penalty[-1] = 0.0  # b is free
        values, vectors = np.linalg.eigh(gram + np.diagflat(penalty))
        kept = values > _NEGLIGIBLE * values[-1]
        values, vectors = values[kept, None], vectors[:, kept]
        w: Matrix = np.zeros((len(gram), targets[0].shape[1]))
        for _ in range(_REFINEMENTS):
            gradient = -penalty * w
            for X, t in zip(parts, targets, strict=True):
                gradient += X.T @ (t - X @ w)
            w += vectors @ ((vectors.T @ gradient) / values)
        return w

    def scores(self, x: Array) -> Array:
        outputs = as_rows(x) @ self.W
        outputs += self.b
        return self._combined(outputs) if self.pairs else outputs

    def _combined(self, outputs: Array) -> Array:
        """Return the score of each class (n, k) by the outputs of pairs (n, pairs)."""
        xp = array_module(outputs)
        limited = outputs if self.combine == "sum" else outputs.clip(-LIMIT, LIMIT)
        scores = xp.zeros((len(outputs), self.classes), dtype=outputs.dtype)
        for number, (i, j) in enumerate(self.pairs):
            scores[:, i] += limited[:, number]
            scores[:, j] -= limited[:, number]
        if self.combine != "votes":
            return scores
        votes = xp.zeros_like(scores)
        for number, (i, j) in enumerate(self.pairs):
            wins = outputs[:, number] > 0
            votes[:, i] += wins
            votes[:, j] += ~wins
        # Less than half a vote each, so that they decide between equal numbers of votes only.
        votes += scores / (2.0 * LIMIT * self.classes)
        votes /= self.classes - 1
        return votes

    def arrays(self) -> dict[str, Array]:
        return {"W": self.W, "b": self.b} if self._fitted else {}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        if not arrays:
            self._fitted = False
            return
        for name in ("W", "b"):
            own, found = getattr(self, name), arrays.get(name)
            if found is None or found.shape != own.shape or found.dtype != own.dtype:
                raise ShapeError(f"{name} is {None if found is None else found.shape}, expected {own.shape}")
            own[...] = array_module(own).asarray(found)
        self._fitted = True

    def keep_rounds(self, rounds: int) -> None:
        self._fitted = self._fitted and rounds > 0
