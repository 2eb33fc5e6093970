"""Compiled versions of what a step of an LSTM does beside its products and its tanh: one walk over memory where NumPy
makes a dozen. Same operations in the same order, so the same numbers. With 128 examples they halve what a backward step
takes beside its products.

a (n, 4·units) are sums or gates of one step, i, f, o and g side by side; all others (n, units).
"""

from typing import Any

import numpy as np

from mnistnn.backend import jit
from mnistnn.types import Array

# Below this, so little is done that starting Numba (a second) would not be earned back.
_LEAST = 65_536  # numbers, of all steps


def are_worth_it(z: Array) -> bool:
    """Tell whether to take the compiled loops for gates (t, n, 4·units)."""
    return z.size >= _LEAST and isinstance(z, np.ndarray) and jit.is_available()


def _add(a: Any, more: Any, half: Any) -> None:
    n, wide = a.shape
    sigmoids = 3 * (wide // 4)
    for r in range(n):
        row, added = a[r], more[r]
        for k in range(sigmoids):
            row[k] = (row[k] + added[k]) * half
        for k in range(sigmoids, wide):
            row[k] += added[k]


def _write(a: Any, before: Any, half: Any, one: Any, after: Any) -> None:
    n, units = after.shape
    for r in range(n):
        i, f, o, g = a[r, :units], a[r, units : 2 * units], a[r, 2 * units : 3 * units], a[r, 3 * units :]
        old, new = before[r], after[r]
        for k in range(units):
            i[k] = (i[k] + one) * half
            f[k] = (f[k] + one) * half
            o[k] = (o[k] + one) * half
            new[k] = f[k] * old[k] + i[k] * g[k]


def _back(dh: Any, a: Any, before: Any, tanh_c: Any, one: Any, dc: Any, da: Any) -> None:
    n, units = dh.shape
    for r in range(n):
        i, f, o, g = a[r, :units], a[r, units : 2 * units], a[r, 2 * units : 3 * units], a[r, 3 * units :]
        di, df, do, dg = da[r, :units], da[r, units : 2 * units], da[r, 2 * units : 3 * units], da[r, 3 * units :]
        d, old, read, dcell = dh[r], before[r], tanh_c[r], dc[r]
        for k in range(units):
            cell = dcell[k] + (one - read[k] * read[k]) * o[k] * d[k]
            do[k] = d[k] * read[k] * ((one - o[k]) * o[k])
            di[k] = cell * g[k] * ((one - i[k]) * i[k])
            df[k] = cell * old[k] * ((one - f[k]) * f[k])
            dg[k] = cell * ((one - g[k] * g[k]) * i[k])
            dcell[k] = cell * f[k]


add = jit.CompiledFunction(_add)
"""a + more, of sigmoids the half."""
write = jit.CompiledFunction(_write)
"""Finish the sigmoids, and write the cells after the step."""
back = jit.CompiledFunction(_back)
"""Write the derivatives by the sums into da, and turn those by the cells after the step, dc, into those before it."""
