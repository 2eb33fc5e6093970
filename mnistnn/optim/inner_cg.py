"""Linear conjugate gradient, for the quadratic model inside of one Hessian-free step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mnistnn.backend.arrays import array_module
from mnistnn.kernels.inner import inner
from mnistnn.types import Array


@dataclass
class Memory:
    """Working memory of a solution: vectors like d."""

    residual: Array
    scaled: Array
    along: Array
    product: Array
    term: Array

    @classmethod
    def like(cls, d: Array) -> "Memory":
        xp = array_module(d)
        return cls(*(xp.empty_like(d) for _ in range(5)))


def descend(apply: Callable[[Array, Array], None], g: Array, scale: Array, d: Array, memory: Memory) -> Iterator[float]:
    """Move d, step by step, towards the minimum of φ(d) = g'd + ½ d'A d; yield φ(d) where it stands before each step.

    apply  writes A v, for a positive definite A, into its second argument
    scale  the diagonal of the preconditioner (P,): about that of A

    Ends by itself where the residual A d + g is 0. Each step costs one product. Nocedal & Wright (2006), algorithm 5.3.
    """
    xp = array_module(d)
    r, y, p, Ap, term = memory.residual, memory.scaled, memory.along, memory.product, memory.term
    apply(d, r)
    r += g
    xp.divide(r, scale, out=y)
    xp.negative(y, out=p)
    ry = inner(r, y)
    while True:
        xp.add(r, g, out=term)
        yield 0.5 * inner(d, term)  # g'd + ½ d'A d = ½ d'(r + g)
        apply(p, Ap)
        curvature = inner(p, Ap)
        if not curvature > 0.0 or not ry > 0.0:
            return
        alpha = ry / curvature
        xp.multiply(p, alpha, out=term)
        d += term
        Ap *= alpha
        r += Ap
        xp.divide(r, scale, out=y)
        before, ry = ry, inner(r, y)
        p *= ry / before
        p -= y
