"""The simple recurrent unit, through time: hₛ = f(zₛ + hₛ₋₁ U), where zₛ = xₛ W + b is made of all steps at once.

Steps come first: arrays are (t, n, …), and of hidden states (t + 1, n, units), h[0] being what was before the first
step. They may be views that go backward in time. `mask`, if given, (t, n, 1) of 0 and 1, says which steps an example
has; where it has none, its state stays as it is.
"""

from collections.abc import Callable

from mnistnn.backend.matmul import serial_matmul
from mnistnn.types import Array


def recurrent(z: Array, U: Array, h: Array, f: Callable[[Array], None], mask: Array | None, work: Array) -> None:
    """Write h[s + 1] = f(z[s] + h[s] U) for each step s in turn.

    z (t, n, units), overwritten; U (units, units); h (t + 1, n, units), of which h[0] is given; work (n, units). f
    works in place. Cost: one GEMM of 2·n·units² flops for each step.
    """
    for s in range(len(z)):
        serial_matmul(h[s], U, out=work)
        work += z[s]
        f(work)
        hold(work, h[s], mask, s)
        h[s + 1] = work


def recurrent_backward(
    dh: Array,
    U_T: Array,
    h: Array,
    tangent: Callable[[Array, Array, Array], None],
    mask: Array | None,
    dz: Array,
    work: Array,
) -> None:
    """Write the derivatives by what goes into f.

    dh (t, n, units) are derivatives by h[1:] from outside, overwritten; U_T is Uᵀ; dz (t, n, units); work (n, units).
    tangent(dz, y, work) multiplies by f' in place.
    dz[s] = (dh[s] + dz[s + 1] Uᵀ) f'
    """
    for s in range(len(dz) - 1, -1, -1):
        dz[s] = dh[s]
        if mask is not None:
            dz[s] *= mask[s]
        tangent(dz[s], h[s + 1], work)
        if s > 0:
            pass_back(dz[s], U_T, dh, mask, s, work)


def hold(new: Array, before: Array, mask: Array | None, s: int) -> None:
    """Let the state of an example that has no step s be what it was before."""
    if mask is not None:
        new -= before
        new *= mask[s]
        new += before


def pass_back(dz: Array, U_T: Array, dh: Array, mask: Array | None, s: int, work: Array) -> None:
    """Add to dh[s − 1] what follows from the step s: dz Uᵀ, and dh[s] itself where a state was held."""
    serial_matmul(dz, U_T, out=work)
    dh[s - 1] += work
    if mask is not None:
        work[...] = dh[s]
        work *= 1.0 - mask[s]
        dh[s - 1] += work
