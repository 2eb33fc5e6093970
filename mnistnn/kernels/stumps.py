"""Boosting of products of stumps by AdaBoost.MH: searches for stumps, their votes, and the weights that follow.

A stump is a feature and a threshold: φ(x) = 1 where the feature's value is at least the threshold, else −1. A feature
is a weighted sum of some rows of a table of integers that has a column for each example, such as integral images
(`haar.py`): values are exact, whatever computes them. A base learner is h(x) = α v φ₁(x) … φ_m(x) with a vote v_l = ±1
for each class.

Weights of examples and classes are kept with the sign of their targets, u_il = w_il y_il with y_il = 1 where l is the
label of i and −1 elsewhere; so Σᵢ u_il φ(xᵢ) is the edge of φ for class l, and its sign the best vote. A row of
weights is padded with zeros to a multiple of 16 (`lanes.py`).

Freund & Schapire (1997); Schapire & Singer (1999); Kégl & Busa-Fekete (2009) for products. Each function is array code
and calls the loop of its name in `stump_loops.py` where loops are compiled: the same bits, quickly. Work is cut into
pieces by shapes alone, and sums of pieces are added up in their order.
"""

from math import exp, log
from typing import NamedTuple

import numpy as np

from mnistnn.backend import jit, lanes, pieces, threads
from mnistnn.backend.arrays import array_module
from mnistnn.kernels import stump_loops as loops
from mnistnn.types import Array

# Pieces take a core 0.1 ms or more.
_FEATURES = 8  # of a piece of a search
_EXAMPLES = 4096  # of a piece of all examples; its values stay in the fastest cache

_ROUNDS = 32  # that array code computes at once: as few calls as a GPU wants

LEAST = np.float32(1e-30)
"""No weight falls below this, where all add up to 1: far below what any sum in float32 notices, and far above where a
float32 has no sign, or takes a hundred cycles."""


class Features(NamedTuple):
    """Features, each a sum of rows of a table.

    places        (..., t)  int32: rows
    coefficients  (..., t)  int32: how often each counts
    """

    places: Array
    coefficients: Array


class Binned(NamedTuple):
    """The values of features in bins of equal widths, powers of two: bin = (value − lowest) >> shift.

    bins     (f, n)  uint8
    lowest   (f,)    int32: the least value
    shifts   (f,)    int32
    used     (f,)    int32: how many bins there are up to the largest value
    """

    bins: np.ndarray
    lowest: np.ndarray
    shifts: np.ndarray
    used: np.ndarray

    def stump(self, feature: int, cut: int) -> np.ndarray:
        """Return φ (n,), float32, of the stump that cuts above a bin."""
        return np.where(self.bins[feature] > cut, np.float32(1), np.float32(-1))

    def threshold(self, feature: int, cut: int) -> int:
        """Return the least value above a bin."""
        return int(self.lowest[feature]) + ((cut + 1) << int(self.shifts[feature]))


def bin_values(table: np.ndarray, features: Features, most: int) -> Binned:
    """Return the values of features (f, t) in at most `most` bins (2 to 256) each.

    table  (rows, n)  int32
    """
    f, n = len(features.places), table.shape[1]
    found = Binned(np.empty((f, n), np.uint8), *np.empty((3, f), np.int32))
    bin_in = loops.bin_values if jit.is_available() else _bin_values
    threads.spread(
        lambda part, _: bin_in(table, *features, most, part.start, part.stop, *found), pieces.cut(f, _FEATURES), table
    )
    return found


def _bin_values(
    table: np.ndarray, places: np.ndarray, coefficients: np.ndarray, most: int, first: int, last: int,
    bins: np.ndarray, lowest: np.ndarray, shifts: np.ndarray, used: np.ndarray,
) -> None:  # fmt: skip
    for f in range(first, last):
        values = _values(table, places[f], coefficients[f])
        lowest[f] = values.min()
        width, shift = int(values.max()) - int(lowest[f]), 0
        while width >> shift >= most:
            shift += 1
        bins[f] = (values - lowest[f]) >> shift
        shifts[f], used[f] = shift, (width >> shift) + 1


def _values(table: Array, places: Array, coefficients: Array) -> Array:
    """Return the values (..., n), int32, of features (..., t)."""
    values = array_module(table).zeros((*places.shape[:-1], table.shape[1]), dtype="int32")
    for corner in range(places.shape[-1]):
        values += coefficients[..., corner, None] * table[places[..., corner]]
    return values


def scale(rows: np.ndarray, factors: np.ndarray, out: np.ndarray) -> None:
    """Write rows (n, 16·), each times its factor (n,), into out, which may be rows; all float32. NumPy's loop over rows
    takes four times as long as a compiled one: 0.2 ms for 10,000.
    """
    if jit.is_available():
        loops.scale(rows, factors, out)
    else:
        np.multiply(rows, factors[:, None], out=out)


def search(binned: Binned, rows: np.ndarray, k: int) -> tuple[int, int, float]:
    """Return the stump of the largest edge: its feature, the bin above which it cuts, and the edge; −1 if no feature
    has two values. Ties go to the first feature, and the lowest cut.

    rows  (n, 16·)  float32: signed weights of k classes
    edge = Σ_l |Σᵢ u_il φ(xᵢ)|, where φ cuts above bin b, is Σ_l |total_l − 2 Σ_{bin ≤ b} u_l|. Cost: f·n additions of a
    row. Sums are those of float32, in the order of examples.
    """
    f = len(binned.bins)
    edges, cuts = np.empty(f, np.float32), np.empty(f, np.int32)
    look = loops.search if jit.is_available() else _search
    flat = rows.reshape(-1, lanes.LANES)
    threads.spread(
        lambda part, _: look(binned.bins, binned.used, flat, k, part.start, part.stop, edges, cuts),
        pieces.cut(f, _FEATURES),
        rows,
    )
    best = int(edges.argmax())
    return best, int(cuts[best]), float(edges[best])


def _search(
    bins: np.ndarray, used: np.ndarray, rows: np.ndarray, k: int, first: int, last: int,
    edges: np.ndarray, cuts: np.ndarray,
) -> None:  # fmt: skip
    of_examples = rows.reshape(bins.shape[1], -1)[:, :k]
    for f in range(first, last):
        sums = np.zeros((used[f], k), np.float32)
        np.add.at(sums, bins[f], of_examples)  # one after the other
        sums = np.add.accumulate(sums, axis=0)
        total, below = sums[-1], sums[:-1]
        edge = np.zeros(len(below), np.float32)
        for c in range(k):
            edge += abs((total[c] - below[:, c]) - below[:, c])
        cuts[f] = edge.argmax() if len(edge) else 0
        edges[f] = edge[cuts[f]] if len(edge) else -1.0


def first_weights(labels: np.ndarray, k: int) -> np.ndarray:
    """Return the signed weights (n, 16·) that boosting begins with: 1/(2n) for the label of each of n examples, and
    −1/(2n(k−1)) for the other classes.
    """
    n = len(labels)
    weights = np.zeros((n, lanes.LANES * lanes.rows_of(k)), np.float32)
    weights[:, :k] = -1.0 / (2 * n * (k - 1))
    weights[np.arange(n), labels] = 1.0 / (2 * n)
    return weights


def products(table: np.ndarray, features: Features, thresholds: np.ndarray) -> np.ndarray:
    """Return φ₁ … φ_m (n,), float32, of stumps (m, t) with thresholds (m,)."""
    phi = np.empty(table.shape[1], np.float32)
    multiply = loops.products if jit.is_available() else _products
    threads.spread(
        lambda part, _: multiply(table, *features, thresholds, part.start, part.stop, phi),
        pieces.cut(len(phi), _EXAMPLES),
        table,
    )
    return phi


def _products(
    table: np.ndarray, places: np.ndarray, coefficients: np.ndarray, thresholds: np.ndarray, start: int, stop: int,
    phi: np.ndarray,
) -> None:  # fmt: skip
    above = _values(table[:, start:stop], places, coefficients) >= thresholds[:, None]
    phi[start:stop] = np.where(above, 1, -1).prod(axis=0)


def agreement(weights: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Return Σᵢ u_il φᵢ (16·,), float64, for signed weights (n, 16·) and φ (n,)."""
    parts = pieces.cut(len(weights), _EXAMPLES)
    sums = np.zeros((len(parts), weights.shape[1]))
    add = loops.agreement if jit.is_available() else _agreement
    threads.spread(
        lambda part, _: add(weights, phi, part.start, part.stop, sums[part.start // _EXAMPLES]), parts, weights
    )
    total: np.ndarray = np.add.accumulate(sums)[-1]
    return total


def _agreement(weights: np.ndarray, phi: np.ndarray, start: int, stop: int, sums: np.ndarray) -> None:
    terms = weights[start:stop].astype(np.float64)
    terms *= phi[start:stop, None]
    sums += np.add.accumulate(terms)[-1]  # one after the other


def reweight(weights: np.ndarray, phi: np.ndarray, votes: np.ndarray, right: float, wrong: float) -> float:
    """Multiply the weights by `right` where v_l φᵢ has the sign of the target, else by `wrong`; return their sum.

    weights  (n, 16·)  float32, signed; none falls below LEAST
    phi      (n,)      float32
    votes    (k,)      ±1
    """
    parts = pieces.cut(len(weights), _EXAMPLES)
    sums = np.zeros((len(parts), weights.shape[1]))
    signs = np.ones(weights.shape[1], np.float32)
    signs[: len(votes)] = votes
    factors = np.float32(right), np.float32(wrong), LEAST
    multiply = loops.reweight if jit.is_available() else _reweight
    threads.spread(
        lambda part, _: multiply(weights, phi, signs, *factors, part.start, part.stop, sums[part.start // _EXAMPLES]),
        parts,
        weights,
    )
    return float(np.add.accumulate(sums)[-1].sum())


def _reweight(
    weights: np.ndarray, phi: np.ndarray, votes: np.ndarray, right: np.float32, wrong: np.float32, least: np.float32,
    start: int, stop: int, sums: np.ndarray,
) -> None:  # fmt: skip
    rows = weights[start:stop]
    rows *= np.where(rows * (votes * phi[start:stop, None]) > 0, right, wrong)
    small = (rows != 0) & (abs(rows) < least)
    rows[small] = np.copysign(least, rows[small])
    sums += np.add.accumulate(abs(rows).astype(np.float64))[-1]


class Strength(NamedTuple):
    """What a base learner with an edge counts.

    alpha   its weight in the scores
    energy  Z, by which the exponential loss Σ w exp(−α y v φ) changes: at most 1
    """

    alpha: float
    energy: float


def strength(edge: float, n: int) -> Strength:
    """Return α = ½ ln((e₊ + δ)/(e₋ + δ)) and Z = e₊ exp(−α) + e₋ exp(α) for an edge e₊ − e₋, with e₊ + e₋ = 1.

    e₊ is the weight of what is right, e₋ of what is wrong. δ = 0.01/n, for n examples, keeps α finite where nothing is
    wrong. Without it Z would be 2 √(e₊ e₋). Schapire & Singer (1999), section 4.2.
    """
    right, delta = min((1.0 + edge) / 2.0, 1.0), 0.01 / n
    wrong = 1.0 - right
    alpha = 0.5 * log((right + delta) / (wrong + delta))
    return Strength(alpha, right * exp(-alpha) + wrong * exp(alpha))


def add_votes(
    table: Array, features: Features, thresholds: Array, votes: Array, scores: Array, start: int, stop: int
) -> None:
    """Add α v φ₁ … φ_m of each round, in the order of rounds, to the scores of examples start to stop.

    table       (rows, n)    int32
    features    (T, m, t)    of T rounds
    thresholds  (T, m)       int32
    votes       (T, k)       float64: α v
    scores      (k, n)       float64
    """
    if isinstance(table, np.ndarray) and jit.is_available():
        loops.add_votes(table, *features, thresholds, votes, start, stop, scores)
        return
    xp, columns = array_module(table), table[:, start:stop]
    for part in pieces.cut(len(thresholds), _ROUNDS):
        values = _values(columns, features.places[part], features.coefficients[part])  # (rounds, m, columns)
        signs = xp.where(values >= thresholds[part][:, :, None], 1.0, -1.0)
        phi = signs[:, 0]
        for j in range(1, signs.shape[1]):
            phi *= signs[:, j]
        for each, vote in zip(phi, votes[part], strict=True):
            scores[:, start:stop] += vote[:, None] * each
