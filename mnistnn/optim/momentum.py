"""Rules with a velocity: the gradient accelerates θ instead of moving it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.jit import CompiledFunction
from mnistnn.component import component
from mnistnn.optim import fused
from mnistnn.optim.contract import Progress
from mnistnn.optim.rule import GradientRule, Scalars, at
from mnistnn.optim.schedules import MomentumSchedule
from mnistnn.types import Array

Decay = Annotated[float, Field(ge=0, lt=1)]


@component
class CourseMomentum(GradientRule):
    """The slides' momentum: θ ← θ − η m;  m ← β m + (1 − β) g, both with the values from before the step.

    A smoothed gradient that lags one step behind: the first update moves nothing. As m is an average, the rate is not
    amplified. It is classical momentum with rate η(1 − β) that hears of each gradient one step late; so it is stable
    only while η times the largest curvature is below 1, half of what plain descent bears.
    """

    type: Literal["course_momentum"] = "course_momentum"
    beta: Decay = 0.8
    """How much of the smoothed gradient is kept. The slides use 0.8."""

    slots: ClassVar[dict[str, float]] = {"m": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.course_momentum

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.beta, 1.0 - self.beta

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (m,), (step,), (eta, beta, rest) = state, work, scalars
        array_module(m).multiply(m, eta, out=step)
        theta -= step
        m *= beta
        grad *= rest
        m += grad


@component
class Momentum(GradientRule):
    """Classical momentum: v ← μ v − η g;  θ ← θ + v. Polyak (1964).

    Along a constant gradient the velocity grows to η/(1 − μ) times it.
    """

    type: Literal["momentum"] = "momentum"
    momentum: Decay | MomentumSchedule = 0.9
    """The part μ of the velocity that survives a step: a number, or a schedule."""

    slots: ClassVar[dict[str, float]] = {"v": 0.0}
    fused_update: ClassVar[CompiledFunction | None] = fused.momentum

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), at(self.momentum, progress)

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (v,), (eta, mu) = state, scalars
        v *= mu
        grad *= eta
        v -= grad
        theta += v


@component
class Nesterov(GradientRule):
    """Nesterov's momentum: v ← μ v − η ∇L(θ + μ v);  θ ← θ + v, in the form of Sutskever et al. (2013).

    What is stored as theta is the point Θ = θ + μ v at which the gradient is taken, so that each step needs one
    gradient and no second copy: with v' = μ v − η g(Θ), the next point is Θ' = Θ − μ v + (1 + μ') v', where μ' is the
    momentum of the next step.
    """

    type: Literal["nesterov"] = "nesterov"
    momentum: Decay | MomentumSchedule = 0.9
    """The part μ of the velocity that survives a step: a number, or a schedule."""

    slots: ClassVar[dict[str, float]] = {"v": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.nesterov

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), at(self.momentum, progress), 1.0 + at(self.momentum, progress.after_update())

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (v,), (term,), (eta, mu, reach) = state, work, scalars
        v *= mu
        theta -= v
        grad *= eta
        v -= grad
        array_module(v).multiply(v, reach, out=term)
        theta += term
