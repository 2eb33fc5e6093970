"""The affine map with masked weights, one mask for the batch or one for each example, and its gradients."""

from mnistnn.backend.arrays import array_module
from mnistnn.kernels.dense import dense, dense_backward
from mnistnn.types import Array


def masked_dense(x: Array, W: Array, b: Array, masks: Array, masked: Array, z: Array) -> None:
    """Write the affine map of each row, under its mask, into z.

    x       (n, n_in)
    W, b    (n_in, units), (units,)
    masks   (1, n_in, units) or (n, n_in, units)  zeros and ones
    masked  (n_in, units)  working memory; with one mask it holds W ∘ M, which `masked_dense_backward` needs
    z       (n, units)
    zᵢ = xᵢ (W ∘ Mᵢ) + b
    Cost: one GEMM for one mask; for n masks 3·n·n_in·units flops that all come from memory.
    """
    xp = array_module(x)
    if len(masks) == 1:
        xp.multiply(W, masks[0], out=masked)
        dense(x, masked, b, z)
        return
    for i, mask in enumerate(masks):
        xp.multiply(W, mask, out=masked)
        xp.matmul(x[i], masked, out=z[i])
    z += b


def masked_dense_backward(
    dz: Array, x: Array, W: Array, masks: Array, masked: Array, dW: Array, db: Array, dx: Array | None = None
) -> None:
    """Write the gradients of `masked_dense` into dW, db and, if given, dx.

    dz (n, units); dW, db, dx like W, b, x; the others as in `masked_dense`, which has been called before.
    dW = Σᵢ (xᵢᵀ dzᵢ) ∘ Mᵢ;  db = Σᵢ dzᵢ;  dxᵢ = dzᵢ (W ∘ Mᵢ)ᵀ
    Wan et al. (2013), section 4.2.
    """
    xp = array_module(x)
    if len(masks) == 1:
        dense_backward(dz, x, masked, dW, db, dx)
        dW *= masks[0]
        return
    xp.sum(dz, axis=0, out=db)
    dW[...] = 0.0
    for i, mask in enumerate(masks):
        if dx is not None:
            xp.multiply(W, mask, out=masked)
            xp.matmul(masked, dz[i], out=dx[i])
        xp.multiply(x[i][:, None], dz[i], out=masked)
        masked *= mask
        dW += masked
