"""Long short-term memory, through time: a cell whose gates control what is written, kept and read.

Steps come first, as in `recurrent.py`. Gates lie side by side in the last axis, of 4·units: input i, forget f, output
o, and what may be written, g. Hochreiter & Schmidhuber (1997); forget gates: Gers, Schmidhuber & Cummins (2000);
peepholes: Gers & Schmidhuber (2000).
"""

from mnistnn.backend.arrays import array_module
from mnistnn.backend.matmul import serial_matmul, sum_along
from mnistnn.kernels.activations import sigmoid
from mnistnn.kernels.recurrent import hold, pass_back
from mnistnn.types import Array


def lstm(
    z: Array,
    U: Array,
    peepholes: Array | None,
    h: Array,
    c: Array,
    tanh_c: Array,
    mask: Array | None,
    work: Array,
) -> None:
    """Turn z into the gates, and write states and outputs of each step in turn.

    z (t, n, 4·units) = x W + b; U (units, 4·units); peepholes (3, units), of i, f and o; h, c (t + 1, n, units), of
    which h[0] and c[0] are given; tanh_c (t, n, units); work (n, 4·units).
    i, f, o = σ(z + h U + p c), g = tanh(z + h U);  c' = f c + i g;  h' = o tanh(c')
    with c for i and f, c' for o.
    """
    xp, units = array_module(z), h.shape[2]
    for s in range(len(z)):
        a, before, after = z[s], c[s], c[s + 1]
        i, f, o, g = parts(a, units)
        serial_matmul(h[s], U, out=work)
        a += work
        if peepholes is None:
            gates(a, units)
        else:
            spare = work[:, :units]
            for gate, p in ((i, peepholes[0]), (f, peepholes[1])):
                xp.multiply(before, p, out=spare)
                gate += spare
            sigmoid(a[:, : 2 * units])
            xp.tanh(g, out=g)
        xp.multiply(f, before, out=after)
        xp.multiply(i, g, out=tanh_c[s])
        after += tanh_c[s]
        if peepholes is not None:
            xp.multiply(after, peepholes[2], out=spare)
            o += spare
            sigmoid(o)
        xp.tanh(after, out=tanh_c[s])
        xp.multiply(o, tanh_c[s], out=h[s + 1])
        hold(h[s + 1], h[s], mask, s)
        hold(after, before, mask, s)


def gates(a: Array, units: int) -> None:
    """Turn the sums a (n, 4·units) into σ of the first three quarters and tanh of the last.

    All are one tanh, since σ(x) = ½ (1 + tanh(x/2)).
    """
    sigmoids = a[:, : 3 * units]
    sigmoids *= 0.5
    array_module(a).tanh(a, out=a)
    sigmoids += 1.0
    sigmoids *= 0.5


def lstm_backward(
    dh: Array,
    z: Array,
    U_T: Array,
    peepholes: Array | None,
    c: Array,
    tanh_c: Array,
    mask: Array | None,
    dz: Array,
    dc: Array,
    kept: Array,
    spare: Array,
) -> None:
    """Write the derivatives by what goes into the gates.

    dh (t, n, units) are derivatives by h[1:] from outside, overwritten; z the gates; U_T (4·units, units) is Uᵀ; dz
    (t, n, 4·units); dc, kept and spare (n, units).
    dc += dh o (1 − tanh²c);  do = dh tanh(c) o (1 − o);  df = dc c₋ f (1 − f);  di = dc g i (1 − i)
    dg = dc i (1 − g²)
    dc₋ = dc f;  dh₋ = dz Uᵀ
    """
    xp, units = array_module(z), dh.shape[2]
    dc[...] = 0.0
    for s in range(len(dz) - 1, -1, -1):
        i, f, o, g = parts(z[s], units)
        di, df, do, dg = parts(dz[s], units)
        if mask is not None:  # what goes past an example without this step
            xp.multiply(dc, 1.0 - mask[s], out=kept)
            dc *= mask[s]
            xp.multiply(dh[s], mask[s], out=do)
        else:
            do[...] = dh[s]
        xp.multiply(tanh_c[s], tanh_c[s], out=spare)
        xp.subtract(1.0, spare, out=spare)
        spare *= o
        spare *= do
        dc += spare
        do *= tanh_c[s]
        slope(o, do, spare)
        if peepholes is not None:
            xp.multiply(do, peepholes[2], out=spare)
            dc += spare
        xp.multiply(dc, g, out=di)
        slope(i, di, spare)
        xp.multiply(dc, c[s], out=df)
        slope(f, df, spare)
        xp.multiply(g, g, out=spare)
        xp.subtract(1.0, spare, out=spare)
        spare *= i
        xp.multiply(dc, spare, out=dg)
        dc *= f
        if peepholes is not None:
            for d, p in ((di, peepholes[0]), (df, peepholes[1])):
                xp.multiply(d, p, out=spare)
                dc += spare
        if mask is not None:
            dc += kept
        if s > 0:
            pass_back(dz[s], U_T, dh, mask, s, spare)


def slope(y: Array, d: Array, work: Array) -> None:
    """Multiply d by σ' = y (1 − y)."""
    array_module(y).subtract(1.0, y, out=work)
    work *= y
    d *= work


def peephole_gradient(dz: Array, c: Array, dp: Array, work: Array) -> None:
    """Write the derivatives by the peepholes, Σ di c₋, Σ df c₋ and Σ do c, into dp (3, units).

    dz (t, n, 4·units); c (t + 1, n, units); work (n + 1, units).
    """
    xp, products, total = array_module(c), work[1:], work[0]
    dp[...] = 0.0
    for s in range(len(dz)):
        di, df, do, _ = parts(dz[s], c.shape[2])
        for row, (d, state) in enumerate(((di, c[s]), (df, c[s]), (do, c[s + 1]))):
            xp.multiply(d, state, out=products)
            sum_along(products, 0, out=total)
            dp[row] += total


def parts(a: Array, units: int) -> tuple[Array, ...]:
    """Return the quarters of the last axis: of i, f, o and g."""
    return tuple(a[..., k * units : (k + 1) * units] for k in range(4))
