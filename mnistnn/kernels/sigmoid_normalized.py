"""The slides' output layer: sigmoids divided by their sum. It looks like a softmax and is not one."""

from mnistnn.backend.arrays import array_module, take_rows
from mnistnn.kernels.softmax import subtract_one_hot
from mnistnn.types import Array


def sigmoid_normalized_nll(z: Array, at: Array, dz: Array, off: Array, row: Array, nll: Array) -> None:
    """Write each row's negative log-likelihood of its label into nll and the gradient of their mean into dz.

    z      (n, k)  scores, read only
    at     (n,)    integers: where each row's label stands in the flattened z, i·k + labelᵢ
    dz     (n, k)  contiguous
    off    (n, k)  working memory
    row    (n, 1)  working memory
    nll    (n,)

    s = σ(z);  p = s / Σ s;  nll = log Σ s − log s_label;  dz = (1 − s)(p − Y)/n with Y one-hot.
    All in log space: log s = −softplus(−z) and log(1 − s) = log s − z, so nothing is lost where a sigmoid saturates.
    Against the softmax's gradient there is the factor 1 − s, which dies with the unit that saturates.
    """
    xp = array_module(z)
    flat, column = dz.reshape(-1), row.reshape(-1)
    xp.abs(z, out=dz)
    xp.negative(dz, out=dz)
    xp.exp(dz, out=dz)
    xp.log1p(dz, out=dz)
    xp.minimum(z, 0.0, out=off)
    off -= dz  # log s
    xp.max(off, axis=1, keepdims=True, out=row)
    xp.subtract(off, row, out=dz)
    take_rows(flat, at, out=nll)
    xp.exp(dz, out=dz)
    xp.sum(dz, axis=1, keepdims=True, out=row)
    dz /= row  # p
    xp.log(row, out=row)
    xp.subtract(column, nll, out=nll)
    subtract_one_hot(flat, at, column)
    off -= z
    xp.exp(off, out=off)  # 1 − s
    dz *= off
    dz /= len(z)


def sigmoid_normalized(z: Array, p: Array) -> None:
    """Write each row's class probabilities σ(z)/Σ σ(z) into p, by way of logarithms. z, p (n, k); p may be z."""
    xp = array_module(z)
    log_s = xp.minimum(z, 0.0) - xp.log1p(xp.exp(-abs(z)))
    xp.subtract(log_s, xp.max(log_s, axis=1, keepdims=True), out=p)
    xp.exp(p, out=p)
    p /= xp.sum(p, axis=1, keepdims=True)
