"""Rules that give each weight a rate of its own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from mnistnn.backend.arrays import array_module
from mnistnn.backend.jit import CompiledFunction
from mnistnn.component import component
from mnistnn.kernels.sign import sign
from mnistnn.optim import fused
from mnistnn.optim.contract import Progress
from mnistnn.optim.rule import GradientRule, Scalars
from mnistnn.types import Array

Decay = Annotated[float, Field(ge=0, lt=1)]
Epsilon = Annotated[float, Field(gt=0)]


@component
class AdaptiveRates(GradientRule):
    """Delta-bar-delta, as in the slides: a rate for each weight: θ ← θ − η r g, where r grows while g keeps its sign.

    After the step, r ← r + increase where g has the sign of the gradient before it, r ← r · decrease where it has the
    other one, unchanged where either is 0; then r is kept within [minimum, maximum], which the slides ask for but leave
    out. Without the clamp a weight whose gradient never changes sign has a rate of 6 after 100 steps.
    """

    type: Literal["adaptive_rates"] = "adaptive_rates"
    increase: Annotated[float, Field(ge=0)] = 0.05
    """Added to a rate after two gradients of one sign."""
    decrease: Annotated[float, Field(gt=0, le=1)] = 0.95
    """Factor on a rate after two gradients of different sign."""
    minimum: Annotated[float, Field(gt=0)] = 0.1
    """Lowest rate."""
    maximum: Annotated[float, Field(gt=0)] = 10.0
    """Highest rate."""

    # Of the last gradient its sign is enough, and a product with it cannot underflow as that of two gradients does.
    slots: ClassVar[dict[str, float]] = {"rate": 1.0, "last_sign": 0.0}
    working: ClassVar[int] = 2
    fused_update: ClassVar[CompiledFunction | None] = fused.adaptive_rates

    @model_validator(mode="after")
    def _is_a_range(self) -> "AdaptiveRates":
        if self.maximum < self.minimum:
            raise ValueError(f"maximum: must not be below minimum ({self.minimum:g}), got {self.maximum:g}")
        return self

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.increase, self.decrease - 1.0, self.minimum, self.maximum

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (r, last_sign), (agreement, spare) = state, work
        eta, increase, decrease_less_1, minimum, maximum = scalars
        xp = array_module(grad)
        xp.multiply(last_sign, grad, out=agreement)
        sign(grad, last_sign, spare)
        grad *= r
        grad *= eta
        theta -= grad
        xp.greater(agreement, 0.0, out=grad)  # 1 where the signs agree
        grad *= increase
        xp.less(agreement, 0.0, out=agreement)  # 1 where they differ
        agreement *= decrease_less_1
        agreement += 1.0
        r *= agreement
        r += grad
        xp.clip(r, minimum, maximum, out=r)


@component
class CourseRMSProp(GradientRule):
    """rmsprop exactly as the slides write it: θ ← θ − η g/√ms;  ms ← β ms + (1 − β) g², from ms = 1.

    Two facts about it. A weight whose gradient stays 0 has ms = βᵗ, which ends at the smallest subnormal numbers (with
    β > ½, rounding keeps it there) and is not 0 unless the hardware flushes them, and then 0/0 is no number. A weight
    whose gradient was 0 for n steps and then is not takes a step of about η |g| β^(−n/2): hundreds of times too long
    after one epoch of mini-batches. `rmsprop` repairs both.
    """

    type: Literal["course_rmsprop"] = "course_rmsprop"
    beta: Decay = 0.9
    """How much of the mean square is kept."""

    slots: ClassVar[dict[str, float]] = {"ms": 1.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.course_rmsprop

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.beta, 1.0 - self.beta

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (ms,), (term,), (eta, beta, rest) = state, work, scalars
        xp = array_module(grad)
        xp.sqrt(ms, out=term)
        xp.divide(grad, term, out=term)
        term *= eta
        theta -= term
        ms *= beta
        grad *= grad
        grad *= rest
        ms += grad


@component
class RMSProp(GradientRule):
    """rmsprop: ms ← β ms + (1 − β) g²;  θ ← θ − η g/(√ms + ε). Tieleman & Hinton (2012).

    The new mean square bounds every step by η/√(1 − β), however rare a gradient is.
    """

    type: Literal["rmsprop"] = "rmsprop"
    beta: Decay = 0.9
    """How much of the mean square is kept."""
    epsilon: Epsilon = 1e-8
    """Keeps a weight without gradients from dividing by 0."""

    slots: ClassVar[dict[str, float]] = {"ms": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.rmsprop

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.beta, 1.0 - self.beta, self.epsilon

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (ms,), (term,), (eta, beta, rest, epsilon) = state, work, scalars
        xp = array_module(grad)
        _track_square(ms, grad, beta, rest, term)
        xp.sqrt(ms, out=term)
        term += epsilon
        grad /= term
        grad *= eta
        theta -= grad


@component
class GravesRMSProp(GradientRule):
    """Centred rmsprop with momentum: v ← μ v − η g/√(E[g²] − E[g]² + ε);  θ ← θ + v.

    Graves (2013), equations 38 to 45.
    """

    type: Literal["graves_rmsprop"] = "graves_rmsprop"
    beta: Decay = 0.95
    """How much of both averages is kept."""
    momentum: Decay = 0.9
    """The part μ of the velocity that survives a step."""
    epsilon: Epsilon = 1e-4
    """Added under the root."""

    slots: ClassVar[dict[str, float]] = {"mean_square": 0.0, "mean": 0.0, "v": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.graves_rmsprop

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.beta, 1.0 - self.beta, self.momentum, self.epsilon

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (mean_square, mean, v), (term,), (eta, beta, rest, mu, epsilon) = state, work, scalars
        xp = array_module(grad)
        _track_square(mean_square, grad, beta, rest, term)
        mean *= beta
        xp.multiply(grad, rest, out=term)
        mean += term
        xp.multiply(mean, mean, out=term)
        xp.subtract(mean_square, term, out=term)
        xp.maximum(term, 0.0, out=term)  # rounding may make a variance negative
        term += epsilon
        xp.sqrt(term, out=term)
        grad /= term
        grad *= eta
        v *= mu
        v -= grad
        theta += v


@component
class AdaGrad(GradientRule):
    """G ← G + g²;  θ ← θ − η g/(√G + ε). Duchi, Hazan & Singer (2011)."""

    type: Literal["adagrad"] = "adagrad"
    epsilon: Epsilon = 1e-8
    """Keeps a weight without gradients from dividing by 0."""

    slots: ClassVar[dict[str, float]] = {"sum_square": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.adagrad

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.epsilon

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (sum_square,), (term,), (eta, epsilon) = state, work, scalars
        xp = array_module(grad)
        xp.multiply(grad, grad, out=term)
        sum_square += term
        xp.sqrt(sum_square, out=term)
        term += epsilon
        grad /= term
        grad *= eta
        theta -= grad


@component
class AdaDelta(GradientRule):
    """Steps in units of the steps before: Δ = −√(E[Δ²] + ε)/√(E[g²] + ε) · g;  θ ← θ + η Δ.

    Zeiler (2012), algorithm 1.
    """

    type: Literal["adadelta"] = "adadelta"
    rho: Decay = 0.95
    """How much of both averages is kept."""
    epsilon: Epsilon = 1e-6
    """Added under both roots; it starts the first steps."""

    slots: ClassVar[dict[str, float]] = {"mean_square": 0.0, "mean_square_step": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.adadelta

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.rho, 1.0 - self.rho, self.epsilon

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (mean_square, mean_square_step), (term,), (eta, rho, rest, epsilon) = state, work, scalars
        xp = array_module(grad)
        _track_square(mean_square, grad, rho, rest, term)
        xp.add(mean_square, epsilon, out=term)
        grad /= xp.sqrt(term, out=term)
        xp.add(mean_square_step, epsilon, out=term)
        grad *= xp.sqrt(term, out=term)  # −Δ
        _track_square(mean_square_step, grad, rho, rest, term)
        grad *= eta
        theta -= grad


@component
class Adam(GradientRule):
    """m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;  θ ← θ − η m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ).

    Kingma & Ba (2015), algorithm 1.
    """

    type: Literal["adam"] = "adam"
    beta1: Decay = 0.9
    """How much of the mean gradient is kept."""
    beta2: Decay = 0.999
    """How much of the mean square is kept."""
    epsilon: Epsilon = 1e-8
    """Keeps a weight without gradients from dividing by 0."""

    slots: ClassVar[dict[str, float]] = {"m": 0.0, "v": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.adam

    def scalars(self, progress: Progress) -> Scalars:
        return *adam_scalars(self, progress), 1.0

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        adam_step(theta, grad, state, work, scalars)


@component
class AdamW(GradientRule):
    """Adam with weight decay apart from the gradient: θ ← θ − η λ θ, then Adam's step. Loshchilov & Hutter (2019).

    The decay acts on all parameters, as in its authors' algorithm 2.
    """

    type: Literal["adamw"] = "adamw"
    beta1: Decay = 0.9
    """How much of the mean gradient is kept."""
    beta2: Decay = 0.999
    """How much of the mean square is kept."""
    epsilon: Epsilon = 1e-8
    """Keeps a weight without gradients from dividing by 0."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """The decay λ."""

    slots: ClassVar[dict[str, float]] = {"m": 0.0, "v": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.adam

    def scalars(self, progress: Progress) -> Scalars:
        return *adam_scalars(self, progress), 1.0 - self.rate(progress) * self.weight_decay

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        adam_step(theta, grad, state, work, scalars)


def adam_scalars(rule: Adam | AdamW, progress: Progress) -> Scalars:
    """Return the scalars of Adam's rule. Both corrections of the averages' start are such, so they cost no pass."""
    t = progress.updates + 1
    eta, correction = rule.rate(progress) / (1.0 - rule.beta1**t), (1.0 - rule.beta2**t) ** -0.5
    return eta, rule.beta1, 1.0 - rule.beta1, rule.beta2, 1.0 - rule.beta2, correction, rule.epsilon


def adam_step(theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
    """Scale theta by `keep`, what weight decay leaves of it; then move it by Adam's rule."""
    (m, v), (term,) = state, work
    eta, beta1, rest1, beta2, rest2, correction, epsilon, keep = scalars
    xp = array_module(grad)
    if keep != 1.0:
        theta *= keep
    _track_square(v, grad, beta2, rest2, term)
    m *= beta1
    grad *= rest1
    m += grad
    xp.sqrt(v, out=term)
    term *= correction
    term += epsilon
    xp.divide(m, term, out=term)
    term *= eta
    theta -= term


def _track_square(mean_square: Array, grad: Array, beta: float, rest: float, term: Array) -> None:
    """mean_square ← β mean_square + (1 − β) g², with `rest` for 1 − β"""
    mean_square *= beta
    array_module(grad).multiply(grad, grad, out=term)
    term *= rest
    mean_square += term
