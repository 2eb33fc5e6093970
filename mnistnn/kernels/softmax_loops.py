"""Compiled versions of a softmax with its negative log-likelihood, and of a whole step of softmax regression.

Twenty calls of NumPy on a few numbers each cost more than what they compute: with 20 examples of 10 classes the loss
takes 11 µs in NumPy and 4 here. Same operations in the same order, sums included, so the same bits. exp and log
stay NumPy's, whose last bits no other library has: so the loops are cut where these are called.

z (n, k) are scores, read only; p (k, n) has a row for each class, as `softmax.softmax_nll` has it, and ends as the
transpose of dz; labels (n,) integers in [0, k); all others (n,).
"""

from typing import Any

from mnistnn.backend import jit
from mnistnn.kernels.sum_loops import CALLS, summed


def _shift(z: Any, labels: Any, p: Any, of_label: Any) -> None:
    """Write zᵀ less the largest score of each example into p, and what that is for its label into of_label."""
    n, k = z.shape
    for i in range(n):
        largest = z[i, 0]
        for j in range(1, k):
            score = z[i, j]
            largest = score if score > largest or score != score else largest  # NaN stays
        for j in range(k):
            p[j, i] = z[i, j] - largest
        of_label[i] = p[labels[i], i]


def _normalise(p: Any, labels: Any, total: Any) -> None:
    """Turn p, exponentials of scores, into (probabilities − Y)/n; their sums go to total."""
    k, n = p.shape
    total[:] = p[0]
    for j in range(1, k):
        for i in range(n):
            total[i] += p[j, i]
    one, share = p.dtype.type(1), p.dtype.type(1.0 / n)
    for j in range(k):
        for i in range(n):
            p[j, i] /= total[i]
    for i in range(n):
        p[labels[i], i] -= one
    for j in range(k):
        for i in range(n):
            p[j, i] *= share


def _mean_nll(log_total: Any, of_label: Any, nll: Any, mean: Any) -> None:
    """Write each nll, the logarithm of its sum less its label's score, and their mean into mean (1,)."""
    n = nll.size
    for i in range(n):
        nll[i] = log_total[i] - of_label[i]
    mean[0] = summed(nll) / nll.dtype.type(n)


shift = jit.CompiledFunction(_shift)
normalise = jit.CompiledFunction(_normalise)
mean_nll = jit.CompiledFunction(_mean_nll, calls=CALLS)
