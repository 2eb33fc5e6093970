"""Gradient descent: on one batch at a time (stochastic), or on the whole set when the batch is the set."""

from typing import ClassVar, Literal

from mnistnn.backend.jit import CompiledFunction
from mnistnn.component import component
from mnistnn.kernels.sign import sign
from mnistnn.optim import fused
from mnistnn.optim.rule import GradientRule, Scalars
from mnistnn.types import Array


@component
class SGD(GradientRule):
    """θ ← θ − η g, with g the gradient of the batch's mean loss."""

    type: Literal["sgd"] = "sgd"

    fused_update: ClassVar[CompiledFunction | None] = fused.sgd

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (eta,) = scalars
        grad *= eta
        theta -= grad


@component
class Sign(GradientRule):
    """θ ← θ − η sign(g): the size of a gradient is ignored.

    With mini-batches ten small gradients of one sign outweigh a large one of the other, as the slides warn.
    """

    type: Literal["sign"] = "sign"

    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.sign

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (step,), (eta,) = work, scalars
        sign(grad, step, grad)
        step *= eta
        theta -= step
