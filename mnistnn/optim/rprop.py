"""Resilient propagation: a step size for each weight, and only the sign of its gradient."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.jit import CompiledFunction
from mnistnn.component import component
from mnistnn.kernels.sign import sign
from mnistnn.optim import fused
from mnistnn.optim.contract import Progress
from mnistnn.optim.rule import GradientRule, Scalars
from mnistnn.types import Array


@component
class RProp(GradientRule):
    """θ ← θ − η r sign(g), where r grows while the gradient keeps its sign and shrinks when it turns.

    r ← r · increase where g has the sign of the gradient before it; r ← r · decrease, and no move, where it has the
    other one; then r is kept within [minimum, maximum] and the step is taken. Riedmiller & Braun (1993) in the form
    iRprop− of Igel & Hüsken (2003). Meant for full batches: noise turns signs, and shrinks every step to nothing.
    """

    type: Literal["rprop"] = "rprop"
    increase: Annotated[float, Field(ge=1)] = 1.2
    """Factor on a step size after two gradients of one sign."""
    decrease: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Factor on a step size after two gradients of different sign."""
    minimum: Annotated[float, Field(gt=0)] = 1e-6
    """Smallest r; steps are η r."""
    maximum: Annotated[float, Field(gt=0)] = 50.0
    """Largest r."""

    slots: ClassVar[dict[str, float]] = {"size": 1.0, "last_sign": 0.0}
    working: ClassVar[int] = 2
    fused_update: ClassVar[CompiledFunction | None] = fused.rprop

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.increase - 1.0, self.decrease - 1.0, self.minimum, self.maximum

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (r, last_sign), (turned, factor) = state, work
        eta, increase_less_1, decrease_less_1, minimum, maximum = scalars
        xp = array_module(grad)
        xp.multiply(last_sign, grad, out=turned)
        xp.greater(turned, 0.0, out=factor)  # 1 where the sign was kept
        factor *= increase_less_1
        factor += 1.0
        r *= factor
        xp.less(turned, 0.0, out=turned)  # 1 where it turned
        xp.multiply(turned, decrease_less_1, out=factor)
        factor += 1.0
        r *= factor
        xp.clip(r, minimum, maximum, out=r)
        sign(grad, last_sign, factor)
        xp.subtract(1.0, turned, out=turned)
        last_sign *= turned  # no move now, and no comparison in the next step
        xp.multiply(last_sign, r, out=grad)
        grad *= eta
        theta -= grad
