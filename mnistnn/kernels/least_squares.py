"""Linear least squares by the normal equations, as exact as by a decomposition of the examples, in far less time.

Golub & Van Loan (2013), chapter 5; Higham (2002), chapter 20.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]  # of float64
Rows = Sequence[NDArray[Any]]

# Shares of the largest eigenvalue of AᵀA, whose columns have length 1. Rounding alone makes none above _NULL. Those
# above _SOLID are known to five digits, so each refinement gains as many; above _EASY, one is enough.
_NULL, _SOLID, _EASY = 1e-14, 1e-10, 1e-7
_NEGLIGIBLE = 1e-24  # the same, of squared singular values of A, which are known as exactly as that
_RIDGE = 1e-6  # a share of ridge in the squared length of each column that alone makes the equations well-conditioned


def least_squares(parts: Sequence[Matrix], grams: Sequence[Matrix], targets: Rows, ridge: float) -> Matrix:
    """Return the w (d, m) that minimises Σᵢ ‖xᵢᵀw − tᵢ‖² + ridge ‖w‖²; where several do, that of the least norm.

    parts    of the examples X, (nₚ, d) each, with a last column of ones, whose row of w is free of ridge
    grams    XᵀX (d, d) of each part, all finite
    targets  of each part: that of all its examples (m,)

    With w = D u and A = [X; √ridge I] D, AᵀA u = D Xᵀt is solved, and refined by what the examples themselves leave:
    u += (AᵀA)⁻¹ (D Xᵀt − AᵀA u). Last, w is moved out of the null space of X.
    """
    moments = reduce(np.add, (np.outer(gram[-1], t) for gram, t in zip(grams, targets, strict=True)))
    if not any(map(len, parts)):
        return moments
    a = _Scaled(parts, reduce(np.add, grams), ridge)
    solve = _ByEquations(a) if a.share_of_ridge > _RIDGE else _ByEigenvectors(a)
    u = solve(a.scale * moments[a.used])
    for _ in range(solve.refinements):
        u += solve(a.remainder(u, targets))
    w: Matrix = np.zeros_like(moments)
    w[a.used] = a.scale * u
    w[a.used] -= solve.in_null_space(w[a.used])
    return w


class _Scaled:
    """The matrix A = [X; √ridge I] D, whose columns D scales to length 1. Columns of zeros are left out.

    used    (d,)    which columns there are
    scale   (k, 1)  the diagonal of D
    square  (k, k)  AᵀA
    """

    def __init__(self, parts: Sequence[Matrix], gram: Matrix, ridge: float) -> None:
        self.parts, self.used = parts, gram.diagonal() > 0
        self.ridge = np.where(np.arange(1, len(gram) + 1) < len(gram), ridge, 0.0)[self.used, None]
        squares = gram.diagonal()[self.used, None] + self.ridge
        self.share_of_ridge = (self.ridge / squares)[:-1].min(initial=1.0)
        self.scale = 1.0 / np.sqrt(squares)
        self.square = gram[np.ix_(self.used, self.used)]
        self.square.flat[:: len(self.square) + 1] += self.ridge[:, 0]
        self.square *= self.scale
        self.square *= self.scale.T

    def times(self, u: Matrix) -> list[Matrix]:
        """Return A u, by the parts of X and the rows below, (nₚ, m) each."""
        w: Matrix = np.zeros((len(self.used), u.shape[1]))
        w[self.used] = self.scale * u
        return [*(X @ w for X in self.parts), np.sqrt(self.ridge) * w[self.used]]

    def transposed_times(self, y: Sequence[Matrix]) -> Matrix:
        """Return Aᵀy (k, m), for y as `times` returns it."""
        *of_parts, below = y
        moments = reduce(np.add, (X.T @ each for X, each in zip(self.parts, of_parts, strict=True)))
        result: Matrix = self.scale * (moments[self.used] + np.sqrt(self.ridge) * below)
        return result

    def remainder(self, u: Matrix, targets: Rows) -> Matrix:
        """Return Aᵀ(t − A u) (k, m)."""
        *of_parts, below = self.times(u)
        return self.transposed_times([*(t - y for t, y in zip(targets, of_parts, strict=True)), -below])


class _ByEquations:
    """(AᵀA)⁻¹, where that is well-conditioned."""

    refinements = 1

    def __init__(self, a: _Scaled) -> None:
        self._square = a.square

    def __call__(self, moments: Matrix) -> Matrix:
        solution: Matrix = np.linalg.solve(self._square, moments)
        return solution

    def in_null_space(self, w: Matrix) -> Matrix:
        return np.zeros_like(w)


class _ByEigenvectors:
    """(AᵀA)⁻¹ in all directions but those of the null space, by their eigenvalues.

    Where some of these are too small to be known, it is A, and not AᵀA, that is decomposed in their directions.
    """

    def __init__(self, a: _Scaled) -> None:
        values, vectors = np.linalg.eigh(a.square)
        largest = values[-1]
        null, solid = values < _NULL * largest, values > _SOLID * largest
        if not (null | solid).all() or (a.share_of_ridge and not solid.all()):
            known, others = vectors[:, solid], vectors[:, ~solid]
            others -= known @ ((known.T @ a.transposed_times(a.times(others))) / values[solid, None])
            _, singular, turn = np.linalg.svd(np.linalg.qr(np.concatenate(a.times(others)), mode="r"))
            values[~solid], vectors[:, ~solid] = singular**2, others @ turn.T
            null = values < _NEGLIGIBLE * largest
        self._values, self._vectors = values[~null, None], vectors[:, ~null]
        self._null = np.linalg.qr(a.scale * vectors[:, null])[0]
        self.refinements = 1 if self._values.min() > _EASY * largest else 2

    def __call__(self, moments: Matrix) -> Matrix:
        solution: Matrix = self._vectors @ ((self._vectors.T @ moments) / self._values)
        return solution

    def in_null_space(self, w: Matrix) -> Matrix:
        part: Matrix = self._null @ (self._null.T @ w)
        return part
