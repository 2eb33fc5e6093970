"""Rosenblatt's perceptron criterion: how far outputs are on the wrong side of zero."""

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array


def perceptron(z: Array, t: Array, dz: Array, loss: Array) -> None:
    """Write each example's loss into `loss` and the gradient of their mean into dz.

    z, dz, loss (n,); t (n,) targets −1 or 1, of the same dtype.
    E = max(0, −t z);  dz = −t/n where t z ≤ 0, else 0. At z = 0 there is no derivative: dz is what it is on the wrong
    side, so that weights that are all zero are moved.
    """
    xp = array_module(z)
    xp.multiply(t, z, out=loss)
    xp.greater(loss, 0.0, out=dz)
    dz -= 1.0  # −1 where the unit is wrong or undecided, else 0
    dz *= t
    dz /= len(z)
    xp.negative(loss, out=loss)
    xp.maximum(loss, 0.0, out=loss)
