"""The affine map of a fully connected layer and its gradients."""

from mnistnn.backend import Array, array_module


def dense(x: Array, W: Array, b: Array, z: Array) -> None:
    """Write the affine map of each row into z.

    x (n, n_in), W (n_in, units), b (units,), z (n, units); one floating dtype.
    z = x W + b
    Cost: one GEMM of 2·n·n_in·units flops.
    """
    array_module(x).matmul(x, W, out=z)
    z += b


def dense_backward(dz: Array, x: Array, W: Array, dW: Array, db: Array, dx: Array | None = None) -> None:
    """Write the gradients of `dense` into dW, db and, if given, dx.

    dz (n, units), x (n, n_in), W (n_in, units), dW (n_in, units), db (units,), dx (n, n_in).
    dW = xᵀ dz;  db = Σ dz over the rows;  dx = dz Wᵀ
    Cost: two GEMMs of 2·n·n_in·units flops, one without dx.
    """
    xp = array_module(x)
    xp.matmul(x.T, dz, out=dW)
    xp.sum(dz, axis=0, out=db)
    if dx is not None:
        xp.matmul(dz, W.T, out=dx)
