"""Squared error of outputs against one-hot targets."""

from mnistnn.backend.arrays import array_module
from mnistnn.kernels.softmax import subtract_one_hot
from mnistnn.types import Array


def squared_error(y: Array, at: Array, dy: Array, square: Array, error: Array) -> None:
    """Write each example's squared error into `error` and the gradient of their mean into dy.

    y       (n, k)  outputs, read only
    at      (n,)    integers: where each row's label stands in the flattened y, i·k + labelᵢ
    dy      (n, k)  contiguous
    square  (n, k)  working memory
    error   (n,)

    E = Σⱼ (yⱼ − Yⱼ)² with Y one-hot;  dy = 2 (y − Y)/n. The sum is over outputs, the mean over examples.
    """
    xp = array_module(y)
    dy[...] = y
    subtract_one_hot(dy.reshape(-1), at, error)
    xp.multiply(dy, dy, out=square)
    xp.sum(square, axis=1, out=error)
    dy *= 2.0 / len(y)
