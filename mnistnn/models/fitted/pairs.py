"""One against one: a class is predicted by outputs that each know two classes only."""

from collections.abc import Sequence

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array

UNIT_OF_VOTES = "shares of its pairs that a class wins, and up to half a vote more or less that breaks ties"
"""What scores by `votes` are, in words."""

LIMIT = 0.5  # of an output, where outputs are limited before they are added up

Pair = tuple[int, int]


def sums(outputs: Array, pairs: Sequence[Pair], classes: int) -> Array:
    """Return the sum of each class's outputs (n, k), by the outputs of pairs (n, pairs).

    The output of a pair (i, j) counts for i, and with the other sign for j.
    """
    scores = array_module(outputs).zeros((len(outputs), classes), dtype=outputs.dtype)
    for number, (i, j) in enumerate(pairs):
        scores[:, i] += outputs[:, number]
        scores[:, j] -= outputs[:, number]
    return scores


def limited_sums(outputs: Array, pairs: Sequence[Pair], classes: int) -> Array:
    """Return the sum of each class's outputs (n, k), each limited to ±LIMIT."""
    return sums(outputs.clip(-LIMIT, LIMIT), pairs, classes)


def votes(outputs: Array, pairs: Sequence[Pair], classes: int) -> Array:
    """Return the share of its pairs that each class wins (n, k), by the outputs of pairs (n, pairs).

    A pair (i, j) votes for i if its output is above 0, else for j. Limited sums break ties: they add less than half a
    vote. `pairs` may be the first of all: then a class has their votes only, as a share of all its pairs.
    """
    xp = array_module(outputs)
    shares = xp.zeros((len(outputs), classes), dtype=outputs.dtype)
    for number, (i, j) in enumerate(pairs):
        wins = outputs[:, number] > 0
        shares[:, i] += wins
        shares[:, j] += ~wins
    shares += limited_sums(outputs, pairs, classes) / (2.0 * LIMIT * classes)
    shares /= classes - 1
    return shares
