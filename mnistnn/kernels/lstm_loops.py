"""Compiled versions of `lstm.py` without peepholes, for float32: all steps of some examples in one call.

The product of a step stays in the nearest memory, and gates and cell are made of it in one walk.
"""

from typing import Any

import numpy as np

from mnistnn.backend import jit
from mnistnn.backend.block_products import CALLS, multiply, step_of, teach_numba
from mnistnn.kernels.tanh_loop import tanh

_ONE, _HALF = np.float32(1.0), np.float32(0.5)


def _forward(z: Any, b: Any, U: Any, h: Any, c: Any, tanh_c: Any, mask: Any, work: Any) -> None:
    """Do what `lstm` does, of z = x W, to which b (4·units,) is added; U is packed, work (n, columns of the panels)."""
    n, units = h.shape[1:]
    for s in range(len(z)):
        z_s, h_s, c_s = step_of(z, s), step_of(h, s), step_of(c, s)
        h_next, c_next, tanh_s = step_of(h, s + 1), step_of(c, s + 1), step_of(tanh_c, s)
        multiply(h_s, U, work)
        for r in range(n):
            if mask is not None and mask[s, r, 0] == 0:
                c_next[r] = c_s[r]
                h_next[r] = h_s[r]
                continue
            a, of_a, before, after, squashed, read = z_s[r], work[r], c_s[r], c_next[r], tanh_s[r], h_next[r]
            i, f, o, g = a[:units], a[units : 2 * units], a[2 * units : 3 * units], a[3 * units :]
            of_g, b_g = of_a[3 * units :], b[3 * units :]
            for k in range(3 * units):
                a[k] = (tanh((a[k] + b[k] + of_a[k]) * _HALF) + _ONE) * _HALF
            for k in range(units):
                g[k] = tanh(g[k] + b_g[k] + of_g[k])
                after[k] = f[k] * before[k] + i[k] * g[k]
            for k in range(units):
                squashed[k] = tanh(after[k])
                read[k] = o[k] * squashed[k]


def _backward(dh: Any, z: Any, U_T: Any, c: Any, tanh_c: Any, mask: Any, dz: Any, dc: Any, work: Any) -> None:
    """Do what `lstm_backward` does; U_T is packed, dc (n, units), work (n, columns of the panels)."""
    n, units = dc.shape
    dc[:] = 0
    for s in range(len(dz) - 1, -1, -1):
        z_s, dz_s, dh_s, c_s, tanh_s = step_of(z, s), step_of(dz, s), step_of(dh, s), step_of(c, s), step_of(tanh_c, s)
        for r in range(n):
            a, da, d, of_cell, before, squashed = z_s[r], dz_s[r], dh_s[r], dc[r], c_s[r], tanh_s[r]
            if mask is not None and mask[s, r, 0] == 0:
                da[:] = 0
                continue
            i, f, o, g = a[:units], a[units : 2 * units], a[2 * units : 3 * units], a[3 * units :]
            di, df, do, dg = da[:units], da[units : 2 * units], da[2 * units : 3 * units], da[3 * units :]
            for k in range(units):
                cell = of_cell[k] + (_ONE - squashed[k] * squashed[k]) * o[k] * d[k]
                do[k] = d[k] * squashed[k] * ((_ONE - o[k]) * o[k])
                di[k] = cell * g[k] * ((_ONE - i[k]) * i[k])
                df[k] = cell * before[k] * ((_ONE - f[k]) * f[k])
                dg[k] = cell * ((_ONE - g[k] * g[k]) * i[k])
                of_cell[k] = cell * f[k]
        if s > 0:
            multiply(dz_s, U_T, work)
            dh_before = step_of(dh, s - 1)
            for r in range(n):
                d, further, added = dh_s[r], dh_before[r], work[r]
                for k in range(units):
                    further[k] += added[k]
                if mask is not None and mask[s, r, 0] == 0:
                    for k in range(units):
                        further[k] += d[k]


forward = jit.CompiledFunction(_forward, calls=(*CALLS, tanh), prepare=teach_numba)
backward = jit.CompiledFunction(_backward, calls=CALLS, prepare=teach_numba)
