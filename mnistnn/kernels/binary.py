"""Binary logistic regression: the negative log-likelihood of one sigmoid unit."""

from mnistnn.backend.arrays import array_module
from mnistnn.kernels.activations import sigmoid
from mnistnn.types import Array


def binary_nll(z: Array, t: Array, dz: Array, nll: Array) -> None:
    """Write each example's negative log-likelihood into nll and the gradient of their mean into dz.

    z, dz, nll (n,); t (n,) targets 0 or 1, of the same dtype.
    P(t = 1) = σ(z);  nll = softplus(z) − t z = max(z, 0) + log(1 + e^−|z|) − t z;  dz = (σ(z) − t)/n
    """
    xp = array_module(z)
    xp.abs(z, out=dz)
    xp.negative(dz, out=dz)
    xp.exp(dz, out=dz)  # e^−|z|
    xp.log1p(dz, out=dz)
    xp.maximum(z, 0.0, out=nll)
    nll += dz
    xp.multiply(t, z, out=dz)
    nll -= dz
    dz[...] = z
    sigmoid(dz)
    dz -= t
    dz /= len(z)
