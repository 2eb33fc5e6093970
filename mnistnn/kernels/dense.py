"""The affine map of a fully connected layer and its gradients."""

from mnistnn.backend.arrays import array_module
from mnistnn.backend.matmul import sum_along
from mnistnn.backend.threads import matmul
from mnistnn.types import Array


def dense(x: Array, W: Array, b: Array, z: Array) -> None:
    """Write the affine map of each row into z.

    x (n, n_in), W (n_in, units), b (units,), z (n, units); one floating dtype.
    z = x W + b
    Cost: one GEMM of 2·n·n_in·units flops.
    """
    matmul(x, W, out=z)
    z += b


def dense_backward(
    dz: Array, x: Array, W: Array, dW: Array, db: Array, dx: Array | None = None, dW_T: Array | None = None
) -> None:
    """Write the gradients of `dense` into dW, db and, if given, dx.

    dz (n, units), x (n, n_in), W (n_in, units), dW (n_in, units), db (units,), dx (n, n_in). dW_T (units, n_in), if
    given, is working memory: of a few units and many examples BLAS makes the transpose of dW up to a quarter faster.
    dW = xᵀ dz;  db = Σ dz over the rows;  dx = dz Wᵀ
    Cost: two GEMMs of 2·n·n_in·units flops, one without dx.
    """
    if dW_T is None:
        matmul(x.T, dz, out=dW)
    else:
        matmul(dz.T, x, out=dW_T)
        dW[...] = dW_T.T
    sum_along(dz, 0, out=db)
    if dx is not None:
        matmul(dz, W.T, out=dx)


def limit_columns(W: Array, norm: float, square: Array, factor: Array) -> None:
    """Scale each column of W (n_in, units) in place to Euclidean length `norm` if it is longer.

    square (n_in, units) and factor (units,) are working memory. A column that is short enough is multiplied by 1.
    The weights into a unit are kept within a ball, as Hinton et al. (2012) do for units trained with dropout.
    """
    xp = array_module(W)
    xp.multiply(W, W, out=square)
    xp.sum(square, axis=0, out=factor)
    xp.sqrt(factor, out=factor)
    xp.maximum(factor, norm, out=factor)
    xp.divide(norm, factor, out=factor)
    W *= factor
