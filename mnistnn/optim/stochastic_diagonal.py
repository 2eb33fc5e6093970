"""Gradient descent with a rate for each weight, from the curvature along it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.backend.jit import CompiledFunction
from mnistnn.component import component
from mnistnn.optim import fused
from mnistnn.optim.contract import ObjectiveContract, Progress, Requirements
from mnistnn.optim.rule import GradientRule, Scalars
from mnistnn.types import Array


@component
class StochasticDiagonal(GradientRule):
    """θ ← θ − η g/(μ + h), with h an estimate of the Gauss–Newton matrix's diagonal: stochastic diagonal
    Levenberg–Marquardt.

    h is estimated anew in each epoch, from its first `examples` examples, by a backward pass with squared factors; in
    the first epoch, until there are as many, from those that there are. LeCun et al. (1998), appendix C; LeCun et al.,
    Efficient backprop (1998), section 9.
    """

    type: Literal["stochastic_diagonal"] = "stochastic_diagonal"
    mu: Annotated[float, Field(gt=0)] = 0.02
    """Keeps the rate of a weight without curvature from growing without bound."""
    examples: Annotated[int, Field(ge=1)] = 500
    """How many examples h is the mean of."""

    requirements: ClassVar[Requirements] = Requirements(of_layers=frozenset({"gauss_newton_diagonal"}))
    slots: ClassVar[dict[str, float]] = {"curvature": 0.0, "gathered": 0.0}
    working: ClassVar[int] = 1
    fused_update: ClassVar[CompiledFunction | None] = fused.stochastic_diagonal

    @property
    def repeats_itself(self) -> bool:
        return False

    def bytes_kept(self, parameters: int, itemsize: int) -> int:
        return super().bytes_kept(parameters, itemsize) + itemsize * parameters

    def allocate(self, theta: Array, grad: Array) -> None:
        super().allocate(theta, grad)
        self._estimate = array_module(theta).empty_like(theta)

    def scalars(self, progress: Progress) -> Scalars:
        return self.rate(progress), self.mu

    def step(self, objective: ObjectiveContract, progress: Progress) -> Array:
        self._gather(objective, progress)
        return super().step(objective, progress)

    def _gather(self, objective: ObjectiveContract, progress: Progress) -> None:
        """Take the batch into the estimate of this epoch, if that is not complete; use it as soon as it is."""
        n = objective.examples
        done = progress.batch * n
        if done >= self.examples:
            return
        state, new = self.state(), min(n, self.examples - done)
        objective.gauss_newton.diagonal(slice(0, new), self._estimate)
        self._estimate *= new / (done + new)
        gathered = state["gathered"]
        gathered *= done / (done + new)
        gathered += self._estimate
        is_last = progress.batch + 1 == progress.batches_per_epoch
        if progress.epoch == 0 or done + new == self.examples or is_last:
            state["curvature"][...] = gathered

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (curvature, _), (term,), (eta, mu) = state, work, scalars
        array_module(grad).add(curvature, mu, out=term)
        grad /= term
        grad *= eta
        theta -= grad
