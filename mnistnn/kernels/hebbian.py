"""Hebbian learning as the gradient of a function: the variance of outputs, with its sign turned."""

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array


def hebbian(y: Array, dy: Array, work: Array, mean: Array, loss: Array) -> None:
    """Write each example's part of the loss into `loss` and the gradient of their mean into dy.

    y, dy, work (n, k); mean (k,); loss (n,)
    E = −½/n Σᵢ Σⱼ (yᵢⱼ − ȳⱼ)², where ȳⱼ is the mean over the batch;  dy = −(y − ȳ)/n, since what ȳ changes by sums to
    zero.
    """
    xp = array_module(y)
    xp.mean(y, axis=0, out=mean)
    xp.subtract(y, mean, out=dy)
    xp.multiply(dy, dy, out=work)
    xp.sum(work, axis=1, out=loss)
    loss *= -0.5
    dy *= -1.0 / len(y)
