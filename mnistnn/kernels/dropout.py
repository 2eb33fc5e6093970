"""Random masks, for units (dropout) and for weights (dropconnect)."""

import numpy as np

from mnistnn.backend import Array, array_module


def bernoulli(rng: np.random.Generator, keep: float, mask: Array) -> None:
    """Fill mask with independent draws: 1 with probability `keep`, else 0.

    Drawn on the host, so that every device gets the same masks.
    """
    xp = array_module(mask)
    uniform = mask if xp is np else np.empty(mask.shape, dtype=mask.dtype)
    rng.random(out=uniform, dtype=uniform.dtype.type)
    np.less(uniform, keep, out=uniform)
    if xp is not np:
        mask.set(uniform)
