"""Compiled versions of `gru.py`, for float32: all steps of some examples in one call."""

from typing import Any

import numpy as np

from mnistnn.backend import jit
from mnistnn.backend.block_products import CALLS, multiply, step_of, teach_numba
from mnistnn.kernels.tanh_loop import tanh

_ONE, _HALF = np.float32(1.0), np.float32(0.5)


def _forward(z: Any, b: Any, U: Any, c: Any, h: Any, product: Any, mask: Any, work: Any) -> None:
    """Do what `gru` does, of z = x W, to which b (3·units,) is added, and with c for its b_g; U is packed, work (n,
    columns of the panels).
    """
    n, units = h.shape[1:]
    for s in range(len(z)):
        z_s, h_s, h_next, product_s = step_of(z, s), step_of(h, s), step_of(h, s + 1), step_of(product, s)
        multiply(h_s, U, work)
        for r in range(n):
            if mask is not None and mask[s, r, 0] == 0:
                h_next[r] = h_s[r]
                continue
            a, of_a, before, after, inner = z_s[r], work[r], h_s[r], h_next[r], product_s[r]
            reset, update, g = a[:units], a[units : 2 * units], a[2 * units :]
            of_g, b_g = of_a[2 * units :], b[2 * units :]
            for k in range(2 * units):
                a[k] = (tanh((a[k] + b[k] + of_a[k]) * _HALF) + _ONE) * _HALF
            for k in range(units):
                inner[k] = of_g[k] + c[k]
                g[k] = tanh(g[k] + b_g[k] + reset[k] * inner[k])
            for k in range(units):
                after[k] = (before[k] - g[k]) * update[k] + g[k]


def _backward(
    dh: Any, z: Any, U_T: Any, h: Any, product: Any, mask: Any, dz: Any, dproduct: Any, of_product: Any, work: Any
) -> None:
    """Do what `gru_backward` does; U_T is packed, of_product (n, 3·units) becomes the derivatives by h U of a step,
    work (n, columns of the panels).
    """
    n, units = dh.shape[1:]
    for s in range(len(dz) - 1, -1, -1):
        z_s, dz_s, dh_s, h_s = step_of(z, s), step_of(dz, s), step_of(dh, s), step_of(h, s)
        product_s, dproduct_s = step_of(product, s), step_of(dproduct, s)
        for r in range(n):
            a, da, d, before, inner, dinner = z_s[r], dz_s[r], dh_s[r], h_s[r], product_s[r], dproduct_s[r]
            if mask is not None and mask[s, r, 0] == 0:
                da[:] = 0
                dinner[:] = 0
                of_product[r] = 0
                continue
            reset, update, g = a[:units], a[units : 2 * units], a[2 * units :]
            dreset, dupdate, dg = da[:units], da[units : 2 * units], da[2 * units :]
            for k in range(units):
                dupdate[k] = (before[k] - g[k]) * d[k] * ((_ONE - update[k]) * update[k])
                dg[k] = (_ONE - update[k]) * d[k] * (_ONE - g[k] * g[k])
                dreset[k] = dg[k] * inner[k] * ((_ONE - reset[k]) * reset[k])
                dinner[k] = dg[k] * reset[k]
            of_row = of_product[r]
            of_row[: 2 * units] = da[: 2 * units]
            of_row[2 * units :] = dinner
        if s > 0:
            multiply(of_product, U_T, work)
            dh_before = step_of(dh, s - 1)
            for r in range(n):
                d, further, update, added = dh_s[r], dh_before[r], z_s[r, units : 2 * units], work[r]
                if mask is not None and mask[s, r, 0] == 0:
                    for k in range(units):
                        further[k] += d[k]
                else:
                    for k in range(units):
                        further[k] += d[k] * update[k] + added[k]


forward = jit.CompiledFunction(_forward, calls=(*CALLS, tanh), prepare=teach_numba)
backward = jit.CompiledFunction(_backward, calls=CALLS, prepare=teach_numba)
