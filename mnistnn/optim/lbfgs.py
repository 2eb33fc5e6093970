"""L-BFGS: Newton's direction from the last few steps, without a matrix."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.add_scaled import BLOCK, add_scaled
from mnistnn.kernels.inner import inner, length
from mnistnn.optim.line_search import Trial
from mnistnn.optim.line_search_optimizer import LineSearchOptimizer
from mnistnn.types import Array

_CURVED = 1e-10  # least s'y as a part of |s| |y| for a pair to be kept


@component
class LBFGS(LineSearchOptimizer):
    """θ ← θ − α H g, with H the BFGS estimate of the inverse Hessian from the last `memory` pairs of a step s and the
    change y of the gradient along it, and α by a line search that tries 1 first.

    H g by the two-loop recursion, from H₀ = (s'y / y'y) I of the newest pair. A pair along which the gradient does not
    rise is left out, so H stays positive definite. The first step has the length 1. Keeps 2 · memory + 3 vectors
    like theta. Nocedal (1980); Liu & Nocedal (1989), for nets Le, Ngiam et al. (2011).
    """

    type: Literal["l_bfgs"] = "l_bfgs"
    memory: Annotated[int, Field(ge=1, le=1000)] = 10
    """How many pairs are remembered."""

    kept: ClassVar[tuple[str, ...]] = (*LineSearchOptimizer.kept, "pairs")
    """How many pairs were taken in since all was forgotten."""

    def vectors_kept(self) -> int:
        return super().vectors_kept() + 2 * self.memory

    def allocate(self, theta: Array, grad: Array) -> None:
        super().allocate(theta, grad)
        xp = array_module(theta)
        for name in ("steps", "changes"):
            self._state[name] = xp.zeros((self.memory, theta.size), dtype=theta.dtype)
        self._product = xp.empty(min(theta.size, BLOCK), dtype=theta.dtype)

    @property
    def has_memory(self) -> bool:
        return self.numbers["pairs"] > 0

    def reset(self) -> None:
        self.numbers["pairs"] = 0.0

    def first_step(self, start: Trial) -> float:
        return 1.0 if self.has_memory else 1.0 / length(self.direction)

    def set_direction(self, g: Array) -> None:
        """Write −H g: the two loops of Nocedal & Wright (2006), algorithm 7.4."""
        d = self.direction
        d[...] = g
        pairs = self._pairs()
        alphas = []
        for s, y, sy in reversed(pairs):
            alpha = inner(s, d) / sy
            alphas.append(alpha)
            add_scaled(d, -alpha, y, self._product)
        if pairs:
            _, y, sy = pairs[-1]
            d *= sy / inner(y, y)
        for (s, y, sy), alpha in zip(pairs, reversed(alphas), strict=True):
            add_scaled(d, alpha - inner(y, d) / sy, s, self._product)
        d *= -1.0

    def update(self, g: Array, g_before: Array, step: float) -> None:
        xp, newest = array_module(g), int(self.numbers["pairs"]) % self.memory
        s, y = self._state["steps"][newest], self._state["changes"][newest]
        # The place is that of the oldest pair once all are taken; one that is refused is overwritten by the next.
        xp.multiply(self.direction, step, out=s)
        xp.subtract(g, g_before, out=y)
        least = _CURVED * length(s) * length(y)
        if inner(s, y) > least > 0.0:  # y'y, which is divided by, may be too small for float32
            self.numbers["pairs"] += 1.0

    def _pairs(self) -> list[tuple[Array, Array, float]]:
        """Return s, y and s'y of each pair, the oldest first."""
        taken = int(self.numbers["pairs"])
        places = [at % self.memory for at in range(max(0, taken - self.memory), taken)]
        pairs = [(self._state["steps"][at], self._state["changes"][at]) for at in places]
        return [(s, y, inner(s, y)) for s, y in pairs]
