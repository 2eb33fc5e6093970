"""Reading the rows of images between their pixels: what a shift, a shear or a stretch along the rows needs."""

from mnistnn.backend.arrays import array_module
from mnistnn.types import Array


def sample_rows(x: Array, at: Array) -> Array:
    """Return the rows of x read at the places `at`, with linear interpolation between pixels and zeros outside.

    x (..., h, w); at (..., h or 1, k) float64, in pixels from the centre of the first one, broadcast against x;
    returns y (..., h, k) of the dtype of x.
    y[i, j] = (1 − f) x[i, ⌊a⌋] + f x[i, ⌊a⌋ + 1] with a = at[i, j] and f = a − ⌊a⌋

    For a map that only moves points along rows, this is bilinear interpolation: the weight of the other row is zero.
    """
    xp = array_module(x)
    w = x.shape[-1]
    around = xp.zeros((*x.shape[:-1], w + 3), dtype=x.dtype)  # zeros beside each row: at −1, w and w + 1
    around[..., 1 : w + 1] = x
    flat = around.reshape(-1)
    at = xp.clip(at, -1.0, w)
    left = xp.floor(at)
    f = (at - left).astype(x.dtype)
    starts = xp.arange(1, flat.size, w + 3).reshape(*x.shape[:-1], 1)  # where the first pixel of each row lies
    index = left.astype("int64") + starts
    y = flat.take(index)
    y *= 1 - f
    index += 1
    y += flat.take(index) * f
    return y
