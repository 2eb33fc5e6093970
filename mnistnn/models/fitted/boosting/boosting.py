"""AdaBoost.MH at work: the weights of examples, and what a round does with them.

It consists of what the rounds before it have left of the weights, so it can always be made again: by changing the first
weights, round by round, by the same multiplications (`repeat`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import exp

import numpy as np

from mnistnn.backend import pieces, threads
from mnistnn.backend.rng import UpdateStreams
from mnistnn.kernels import stumps
from mnistnn.kernels.stumps import Binned
from mnistnn.models.fitted.boosting.stump_features import StumpFeatures

CONSTANT = -1
"""The number of a feature that is 0 everywhere; a stump of it, with threshold 0, is 1 everywhere."""

_FEATURES, _SAMPLE = 0, 1  # parts of the random streams
_ROWS = 64  # of a table, which a worker copies at a time

# How much larger an edge must be than the best so far, as a share, to count as larger. Rounding changes the sums of
# 10,000 float32 by up to 4e-7 of an edge, measured.
_MORE = 1e-5

# Additions of rows after which somebody is told how far the search is: 5 ms of compiled loops, 0.5 s of array code.
_ADDITIONS = 4_000_000


@dataclass(frozen=True)
class BoostingRound:
    """What a round has added: a base learner h(x) = α v φ₁(x) … φ_m(x).

    feature    (m,)  the number of each stump's feature, or CONSTANT
    threshold  (m,)  φ is 1 from here on, else −1
    votes      (k,)  ±1
    energy     what the exponential loss was multiplied by
    """

    feature: np.ndarray
    threshold: np.ndarray
    votes: np.ndarray
    alpha: float
    energy: float


@dataclass(frozen=True)
class _Sample:
    """Examples that a search looks at, drawn in proportion to their weights.

    rows   (m,)      which they are
    share  (m,)      what their weights are multiplied by, so that sums are those of all examples, as expected
    table  (rows, m)
    """

    rows: np.ndarray
    share: np.ndarray
    table: np.ndarray


class Boosting:
    """The weights of examples as they stand after some rounds, and the search for the next one.

    table     (rows, n)  int32: the integers of which features are sums
    labels    (n,)
    sample    how many examples a search looks at; None for all
    renewed   after how many rounds they are drawn anew
    """

    def __init__(
        self, table: np.ndarray, labels: np.ndarray, classes: int, features: StumpFeatures, factors: int,
        sample: int | None, renewed: int, bins: int, seed: int,
    ) -> None:  # fmt: skip
        self._table, self._classes, self._features, self._factors = table, classes, features, factors
        self._size = sample if sample is not None and sample < len(labels) else None
        self._renewed, self._most_bins = renewed, bins
        self._weights = stumps.first_weights(labels, classes)
        self._total = stumps.reweight(self._weights, np.ones(len(labels), np.float32), np.ones(classes), 1.0, 1.0)
        self._drawn_features = UpdateStreams(seed, "boosting", _FEATURES)
        self._drawn_examples = UpdateStreams(seed, "boosting", _SAMPLE)
        self._sample: _Sample | None = None
        self._candidates: np.ndarray | None = None
        """The features of which `_binned` are the values for the sample."""

    def repeat(self, number: int, rounds: int, done: BoostingRound) -> None:
        """Change the weights once more as round `number` of `rounds` did, counted from 0."""
        if number == rounds - rounds % self._renewed:  # the sample that the next round still uses
            self._draw_sample(number)
        phi = stumps.products(self._table, self._features.of(done.feature), done.threshold)
        self._reweight(phi, done)

    def round(self, number: int, tell: Callable[[int], None]) -> BoostingRound:
        """Find the base learner of a round, counted from 0, by the sample; its votes and α by all examples; and change
        the weights by it.

        tell  is told how many searches were done; if it raises, the weights are those before the round
        """
        if number % self._renewed == 0:
            self._draw_sample(number)
        sample = self._sample
        assert sample is not None
        candidates = self._features.candidates(self._drawn_features.at(number))
        if self._candidates is None or not np.array_equal(candidates, self._candidates):
            self._binned = stumps.bin_values(sample.table, self._features.of(candidates), self._most_bins)
            self._candidates = candidates
        rows = self._weights.take(sample.rows, axis=0)
        stumps.scale(rows, sample.share, out=rows)
        chosen = product_of_stumps(self._binned, rows, self._classes, self._factors, tell)
        feature = np.array([CONSTANT if stump is None else candidates[stump[0]] for stump in chosen], np.int32)
        threshold = np.array([0 if stump is None else self._binned.threshold(*stump) for stump in chosen], np.int32)
        phi = stumps.products(self._table, self._features.of(feature), threshold)
        edges = stumps.agreement(self._weights, phi)[: self._classes]
        alpha, energy = stumps.strength(float(abs(edges).sum()) / self._total, len(phi))
        votes = np.where(edges < 0, np.int8(-1), np.int8(1))
        found = BoostingRound(feature, threshold, votes, alpha, energy)
        self._reweight(phi, found)
        return found

    def _reweight(self, phi: np.ndarray, done: BoostingRound) -> None:
        """Multiply weights by exp(−α y v φ), and so that they add up to 1 again."""
        whole = done.energy * self._total
        right, wrong = exp(-done.alpha) / whole, exp(done.alpha) / whole
        self._total = stumps.reweight(self._weights, phi, done.votes, right, wrong)

    def _draw_sample(self, number: int) -> None:
        """Draw the sample of the rounds from `number` on: equal steps along the sum of the weights, so that an example
        with the weight of two steps is in it twice.
        """
        self._candidates = None
        if self._size is None:
            n = self._table.shape[1]
            self._sample = self._sample or _Sample(np.arange(n), np.ones(n, np.float32), self._table)
            return
        weights = abs(self._weights).sum(axis=1, dtype=np.float64)
        sums = np.cumsum(weights)
        start = self._drawn_examples.at(number).random()
        steps = (np.arange(self._size) + start) * (sums[-1] / self._size)
        rows = np.searchsorted(sums, steps, side="right").clip(max=len(sums) - 1)  # rounding may pass the end
        share = (1.0 / weights[rows]).astype(np.float32)
        table = self._sample.table if self._sample is not None else np.empty((len(self._table), self._size), np.int32)

        def take(part: slice, _: int) -> None:
            self._table[part].take(rows, axis=1, out=table[part], mode="clip")

        threads.spread(take, pieces.cut(len(table), _ROWS), table)
        self._sample = _Sample(rows, share, table)


_Stump = tuple[int, int]
"""A feature's place among those that are binned, and the bin above which it is cut."""


def product_of_stumps(
    binned: Binned, rows: np.ndarray, k: int, factors: int, tell: Callable[[int], None]
) -> list[_Stump | None]:
    """Return stumps whose product has a large edge for signed weights (n, 16·) of k classes; None is 1 everywhere.

    Each in turn is chosen anew, the others being as they are, until none is improved by that: for the pseudo-targets
    y_il · Π_{others} φ(xᵢ), it is the best stump alone. All begin as 1 everywhere. Kégl & Busa-Fekete (2009).
    """
    chosen: list[_Stump | None] = [None] * factors
    product: np.ndarray = np.ones(len(rows), np.float32)
    phis = [product] * factors
    best = float(abs(rows.sum(axis=0)).sum())
    pseudo = np.empty_like(rows)
    unimproved = 0
    for searches in count():
        turn = searches % factors
        others = product * phis[turn]  # as φ² = 1
        stumps.scale(rows, others, out=pseudo)
        feature, cut, edge = _search_in_parts(binned, pseudo, k, partial(tell, searches))
        if edge > best * (1.0 + _MORE):
            best, chosen[turn], phis[turn] = edge, (feature, cut), binned.stump(feature, cut)
            product = others * phis[turn]
            unimproved = 0  # but this one needs no other search
        unimproved += 1
        if unimproved == factors:
            break
    return chosen


def _search_in_parts(binned: Binned, rows: np.ndarray, k: int, tell: Callable[[], None]) -> tuple[int, int, float]:
    """Return the stump of the largest edge, as `stumps.search` does; tells often enough that it is looked at."""
    size = max(8, _ADDITIONS // len(rows))
    best = (0, 0, -1.0)
    for part in pieces.cut(len(binned.bins), size):
        tell()
        feature, cut, edge = stumps.search(Binned(*(array[part] for array in binned)), rows, k)
        if edge > best[2]:
            best = (part.start + feature, cut, edge)
    return best
