"""y += a x for long vectors, which NumPy has no single operation for."""

from typing import Any

import numpy as np

from mnistnn.backend import jit
from mnistnn.backend.threads import along
from mnistnn.kernels import add_scaled_cuda
from mnistnn.types import Array

BLOCK = 16_384  # numbers; a block of the product stays in the cache until it is added
_COMPILED_ABOVE = 65_536  # below, starting Numba would not be earned back


def add_scaled(y: Array, a: float, x: Array, product: Array) -> None:
    """Add a·x to y (P,). x (P,) like y; product (BLOCK,) is working memory of the host; P if smaller."""
    if not isinstance(y, np.ndarray):
        add_scaled_cuda.add_scaled.launch(x.size, x, y, x, x.dtype.type(a))
    elif y.size > _COMPILED_ABOVE and jit.is_available():
        number = y.dtype.type(a)
        along(lambda part, _: _loop(y[part], number, x[part]), y)
    else:
        for start in range(0, y.size, BLOCK):
            part = slice(start, min(start + BLOCK, y.size))
            term = product[: part.stop - start]
            np.multiply(x[part], a, out=term)
            y[part] += term


def _add_scaled(y: Any, a: Any, x: Any) -> None:
    for i in range(y.size):
        y[i] += a * x[i]


_loop = jit.CompiledFunction(_add_scaled)
