"""The compiled parts of a step of softmax regression, between which NumPy takes exponentials and logarithms.

x (n, n_in) is the batch, labels (n,) its integers; theta and grad are W (n_in, k) and behind it b (k,), and their
gradient; z (n, k), p (k, n) and total (n,) as in `kernels/softmax_loops.py`. `address` is that of BLAS's product of
matrices, which is the one that NumPy calls. This module needs Numba.
"""

from typing import Any

from mnistnn.backend.handover_loops import multiply
from mnistnn.backend.jit import CompiledFunction
from mnistnn.kernels import softmax_loops
from mnistnn.kernels.sum_loops import CALLS, summed
from mnistnn.optim import fused

_shift, _normalise = softmax_loops.shift.function, softmax_loops.normalise.function
_sgd = fused.sgd.function


def _forward(x: Any, labels: Any, theta: Any, address: int, z: Any, p: Any, of_label: Any) -> None:
    n_in, (n, k) = x.shape[1], z.shape
    W, b = theta[: n_in * k].reshape(n_in, k), theta[n_in * k :]
    multiply(address, x, W, z)
    for i in range(n):
        for j in range(k):
            z[i, j] += b[j]
    _shift(z, labels, p, of_label)


def _backward(
    x: Any, labels: Any, theta: Any, grad: Any, address: int, p: Any, total: Any, decays: Any, eta: float
) -> None:
    """Turn exponentials p into the gradient, and move theta by it; decays are factors of W and b, as in `fused.py`."""
    n_in, k = x.shape[1], len(p)
    weights = n_in * k
    _normalise(p, labels, total)
    multiply(address, x.T, p.T, grad[:weights].reshape(n_in, k))
    for j in range(k):
        grad[weights + j] = summed(p[j])
    _sgd(theta[:weights], grad[:weights], decays[0], eta)
    _sgd(theta[weights:], grad[weights:], decays[1], eta)


forward = CompiledFunction(_forward, calls=[_shift])
backward = CompiledFunction(_backward, calls=[_normalise, *CALLS, _sgd])
mean_nll = softmax_loops.mean_nll
