"""Gated recurrent units, through time: a state that is partly kept and partly made anew.

Steps come first, as in `recurrent.py`. Gates lie side by side in the last axis, of 3·units: reset r, update u, and the
new state g. Cho et al. (2014); here r is applied behind the product, as cuDNN does, so that a step has one.
"""

from mnistnn.backend.arrays import array_module
from mnistnn.backend.matmul import serial_matmul
from mnistnn.kernels.activations import sigmoid
from mnistnn.kernels.lstm import slope
from mnistnn.kernels.recurrent import hold
from mnistnn.types import Array


def gru(z: Array, U: Array, b_g: Array, h: Array, product: Array, mask: Array | None, work: Array) -> None:
    """Turn z into r, u and g, and write the states of each step in turn.

    z (t, n, 3·units) = x W + b; U (units, 3·units); b_g (units,), a bias inside of what r scales; h (t + 1, n, units),
    of which h[0] is given; product (t, n, units) becomes h U_g + b_g; work (n, 3·units).
    r, u = σ(z + h U);  g = tanh(z + r (h U_g + b_g));  h' = (1 − u) g + u h
    """
    xp, units = array_module(z), h.shape[2]
    for s in range(len(z)):
        a, after = z[s], h[s + 1]
        both, g = a[:, : 2 * units], a[:, 2 * units :]
        serial_matmul(h[s], U, out=work)
        both += work[:, : 2 * units]
        sigmoid(both)
        r, u = both[:, :units], both[:, units:]
        xp.add(work[:, 2 * units :], b_g, out=product[s])
        xp.multiply(r, product[s], out=after)
        g += after
        xp.tanh(g, out=g)
        xp.subtract(h[s], g, out=after)
        after *= u
        after += g
        hold(after, h[s], mask, s)


def gru_backward(
    dh: Array,
    z: Array,
    U_T: Array,
    h: Array,
    product: Array,
    mask: Array | None,
    dz: Array,
    dproduct: Array,
    total: Array,
    spare: Array,
) -> None:
    """Write the derivatives by what goes into the gates.

    dh (t, n, units) are derivatives by h[1:] from outside, overwritten; z the gates; U_T (3·units, units) is Uᵀ;
    dz (t, n, 3·units); dproduct
    (t, n, units) by h U_g + b_g; total and spare (n, units).
    du = dh (h − g) u (1 − u);  dg = dh (1 − u) (1 − g²);  dr = dg (h U_g + b_g) r (1 − r);  dproduct = dg r
    dh₋ = dh u + (dr, du) U_ruᵀ + dproduct U_gᵀ
    """
    xp, units = array_module(z), dh.shape[2]
    U_ru, U_g = U_T[: 2 * units], U_T[2 * units :]
    for s in range(len(dz) - 1, -1, -1):
        r, u, g = (z[s][:, k * units : (k + 1) * units] for k in range(3))
        dr, du, dg = (dz[s][:, k * units : (k + 1) * units] for k in range(3))
        total[...] = dh[s]
        if mask is not None:
            total *= mask[s]
        xp.subtract(h[s], g, out=du)
        du *= total
        slope(u, du, spare)
        xp.subtract(1.0, u, out=dg)
        dg *= total
        xp.multiply(g, g, out=spare)
        xp.subtract(1.0, spare, out=spare)
        dg *= spare
        xp.multiply(dg, product[s], out=dr)
        slope(r, dr, spare)
        xp.multiply(dg, r, out=dproduct[s])
        if s > 0:
            total *= u
            dh[s - 1] += total
            if mask is not None:
                xp.multiply(dh[s], 1.0 - mask[s], out=spare)
                dh[s - 1] += spare
            serial_matmul(dz[s][:, : 2 * units], U_ru, out=spare)
            dh[s - 1] += spare
            serial_matmul(dproduct[s], U_g, out=spare)
            dh[s - 1] += spare
