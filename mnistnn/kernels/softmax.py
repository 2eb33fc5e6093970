"""The negative log-likelihood of a softmax, and its gradient."""

import numpy as np

from mnistnn.backend import jit
from mnistnn.backend.arrays import array_module, take_rows
from mnistnn.kernels import softmax_cuda, softmax_loops
from mnistnn.types import Array

# Examples for which the compiled loops are taken. Of one alone NumPy adds up in another order; of 20 the loops take a
# third of the time, of 600 two thirds, and of 5,000 as much.
_FEWEST, _MOST = 2, 2048


def softmax_nll(z: Array, at: Array, dz: Array, row: Array, nll: Array) -> None:
    """Write each row's negative log-likelihood of its label into nll and the gradient of their mean into dz.

    z      (n, k)  scores, read only
    at     (n,)    integers: where each row's label stands in the memory of dz
    dz     (n, k)  the transpose of a contiguous array (k, n)
    row    (n,)    working memory
    nll    (n,)

    p = softmax(z);  nll = −log p[i, labelᵢ];  dz = (p − Y)/n with Y one-hot.
    The row's maximum is subtracted first, so that exp cannot overflow, and the logarithm is taken of the sum alone
    (log-softmax), so that it never sees a probability that was rounded to 0. Class by class, all examples are passed
    over at once; in rows of k numbers NumPy would take 3 to 4 times as long. On a GPU it is one kernel, see below.
    """
    xp, p = array_module(z), dz.T
    flat = p.reshape(-1)
    p[...] = z.T
    p.max(axis=0, out=row)
    p -= row
    take_rows(flat, at, out=nll)
    xp.exp(p, out=p)
    p.sum(axis=0, out=row)
    p /= row
    xp.log(row, out=row)
    xp.subtract(row, nll, out=nll)
    subtract_one_hot(flat, at, row)
    p *= 1.0 / len(z)


def softmax_nll_on_gpu(z: Array, labels: Array, dz: Array, nll: Array) -> bool:
    """Do what `softmax_nll` does, for labels (n,) int64, in one kernel; tell whether it can for such arrays."""
    if isinstance(z, np.ndarray) or not z.flags.c_contiguous or labels.dtype != "int64":
        return False
    softmax_cuda.softmax_nll.launch(len(z), z, z, labels, z.shape[1], dz.T, nll)
    return True


def softmax_nll_in_loops(z: Array, labels: Array, dz: Array, row: Array, nll: Array) -> bool:
    """Do what `softmax_nll` does, for integer labels (n,), in compiled loops; tell whether they are worth it here."""
    if not isinstance(z, np.ndarray) or not _FEWEST <= len(z) <= _MOST or not jit.is_available():
        return False
    p = dz.T
    softmax_loops.shift(z, labels, p, nll)
    np.exp(p, out=p)
    softmax_loops.normalise(p, labels, row)
    np.log(row, out=row)
    np.subtract(row, nll, out=nll)
    return True


def subtract_one_hot(p: Array, at: Array, column: Array) -> None:
    """Subtract 1 from the flat p at the places `at` (n,), without allocating; column (n,) is working memory."""
    take_rows(p, at, out=column)
    column -= 1.0
    p[at] = column


def softmax(z: Array, p: Array) -> None:
    """Write each row's class probabilities into p. z, p (n, k); p may be z.

    p[i, j] = exp z[i, j] / Σₖ exp z[i, k], after subtracting the row's maximum.
    """
    xp = array_module(z)
    xp.subtract(z, xp.max(z, axis=1, keepdims=True), out=p)
    xp.exp(p, out=p)
    p /= xp.sum(p, axis=1, keepdims=True)


def softmax_curvature_product(p: Array, z_dot: Array, mean: Array, work: Array) -> None:
    """Turn z_dot into H z_dot / n in place, where H = diag(p) − p pᵀ for each row: the second derivative of the loss.

    p, z_dot (n, k); mean (n, 1) and work (n, k) are working memory.
    H z_dot = p ∘ (z_dot − pᵀ z_dot)
    """
    xp = array_module(p)
    xp.multiply(p, z_dot, out=work)
    xp.sum(work, axis=1, keepdims=True, out=mean)
    z_dot -= mean
    z_dot *= p
    z_dot *= 1.0 / len(p)


def softmax_curvature_roots(p: Array, roots: Array) -> None:
    """Write r (k, n, k) with H = diag(p) − p pᵀ = Σⱼ rⱼ rⱼᵀ for each row of p (n, k).

    rⱼ = √pⱼ (eⱼ − p), as the covariance of a one-hot vector is the mean of its outer products about the mean.
    """
    xp = array_module(p)
    for j, root in enumerate(roots):
        xp.negative(p, out=root)
        root[:, j] += 1.0
        root *= xp.sqrt(p[:, j])[:, None]
