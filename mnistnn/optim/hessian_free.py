"""Hessian-free optimization: Newton's direction by conjugate gradient on Gauss–Newton products, without a matrix."""

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.inner import inner
from mnistnn.optim.contract import ObjectiveContract, Progress, Requirements
from mnistnn.optim.full_batch import FullBatchOptimizer
from mnistnn.optim.inner_cg import Memory, descend
from mnistnn.optim.line_search import Backtracking, Trial
from mnistnn.types import Array

_GROWTH = 1.3  # from one kept iterate of the inner conjugate gradient to the next
_LOOK_BACK, _LEAST_LOOK_BACK = 0.1, 10  # how far back progress is looked at: a part of the iterations, and at least
_BAD, _GOOD = 0.25, 0.75  # below and above which share of the predicted decrease the damping changes
_CHANGE = 2.0 / 3.0
_SEARCH = Backtracking(decrease=1e-2, factor=0.8, evaluations=60)


@component
class HessianFree(FullBatchOptimizer):
    """θ ← θ + α d, with d near the minimum of q(d) = g'd + ½ d'(G + λ I) d, found by conjugate gradient.

    g is the gradient on the whole batch, G the Gauss–Newton matrix on a part of it, another one in each step. The inner
    conjugate gradient begins with a part of the last d; its preconditioner is (h + λ)^0.75, h the diagonal of G as
    LeCun et al. (1998) estimate it. It ends when its progress over k = max(10, 0.1 i) iterations is less than
    `progress` · k. Of its iterates the best by the objective is taken, looking back from the last; then α by
    backtracking. λ grows by 3/2 if the objective has fallen by less than a quarter of what q without λ predicts, and
    shrinks by 2/3 above three quarters.

    A step costs a gradient, for each inner iteration a product with G, which is about as dear as a gradient of
    `curvature_examples`, and some forward passes over the batch. Keeps some 30 vectors like theta.
    Martens (2010), Deep learning via Hessian-free optimization; for the preconditioner Chapelle & Erhan (2011).
    """

    type: Literal["hessian_free"] = "hessian_free"
    damping: Annotated[float, Field(gt=0)] = 0.01
    """λ at the beginning."""
    curvature_examples: Annotated[int, Field(ge=1)] = 5000
    """How many examples of the batch G is the mean of."""
    iterations: Annotated[int, Field(ge=1, le=10_000)] = 250
    """Inner iterations of a step, at most."""
    progress: Annotated[float, Field(gt=0, lt=1)] = 5e-4
    """Least relative progress of an inner iteration."""
    warm_start: Annotated[float, Field(ge=0, le=1)] = 0.95
    """The fraction of the last d with which the inner conjugate gradient begins."""

    requirements: ClassVar[Requirements] = Requirements(
        values=True, of_layers=frozenset({"tangents", "gauss_newton_diagonal"})
    )
    gives: ClassVar[tuple[str, ...]] = (*FullBatchOptimizer.gives, "damping", "inner_iterations")
    vectors: ClassVar[tuple[str, ...]] = ("direction",)
    kept: ClassVar[tuple[str, ...]] = ("damping", "inner_iterations", "has_direction")

    def vectors_kept(self) -> int:
        return super().vectors_kept() + 2 + len(fields(Memory)) + len(saved_after(self.iterations)) + 1

    def allocate(self, theta: Array, grad: Array) -> None:
        super().allocate(theta, grad)
        xp = array_module(theta)
        self.numbers["damping"] = self.damping
        self._g, self._scale, self._memory = xp.empty_like(theta), xp.empty_like(theta), Memory.like(theta)
        self._saved_after = saved_after(self.iterations)
        self._saved = xp.empty((len(self._saved_after) + 1, theta.size), dtype=theta.dtype)

    def metrics(self, progress: Progress) -> dict[str, float]:
        own = {name: self.numbers[name] for name in ("damping", "inner_iterations")}
        return {**super().metrics(progress), **own}

    def move(self, objective: ObjectiveContract, progress: Progress) -> float:
        value = self.evaluate(objective)
        loss = self.numbers["loss"]
        if not math.isfinite(value):
            return loss
        self._g[...] = objective.grad
        self.before[...] = objective.theta
        models = self._solve(objective, part_of(objective.examples, self.curvature_examples, progress.updates))
        chosen, lowest = self._best_iterate(objective, len(models))
        self.direction[...] = self._saved[chosen]
        predicted, slope = models[chosen], inner(self._g, self.direction)
        self._adapt((lowest - value) / predicted if predicted < 0.0 else -math.inf)
        step = self._backtrack(objective, value, slope, lowest)
        self.numbers["step"], self.numbers["has_direction"] = step, float(step > 0.0)
        self.step_to(objective, step) if step else self._stay(objective)
        return loss

    def _stay(self, objective: ObjectiveContract) -> None:
        objective.theta[...] = self.before

    def _solve(self, objective: ObjectiveContract, part: slice) -> list[float]:
        """Save iterates of the inner conjugate gradient; return g'd + ½ d'G d of each."""
        d, damping, xp = self.direction, self.numbers["damping"], array_module(self.direction)
        objective.gauss_newton.diagonal(part, self._scale)
        self._scale += damping
        raise_to_three_quarters(self._scale, self._memory.term)

        product = objective.gauss_newton.products(part)

        def apply(v: Array, out: Array) -> None:
            product(v, out)
            xp.multiply(v, damping, out=self._memory.term)
            out += self._memory.term

        d *= self.warm_start if self.numbers["has_direction"] else 0.0
        models: list[float] = []
        values: list[float] = []  # of the damped model, before each iteration and after the last
        for done, value in enumerate(descend(apply, self._g, self._scale, d, self._memory)):
            values.append(value)
            is_over = done >= self.iterations or has_stalled(values, self.progress)
            if done and (is_over or done in self._saved_after):
                self._saved[len(models)] = d
                models.append(value - 0.5 * damping * inner(d, d))
            if is_over:
                break
            objective.tell("conjugate gradient", done, self.iterations)
        else:
            self._saved[len(models)] = d
            models.append(values[-1] - 0.5 * damping * inner(d, d))
        self.numbers["inner_iterations"] = float(len(values) - 1)
        return models

    def _best_iterate(self, objective: ObjectiveContract, count: int) -> tuple[int, float]:
        """Return the number of the saved iterate to go to, and the objective's value there: looking back from the last
        as long as the value falls.
        """
        chosen, lowest = count - 1, self._value_at(objective, self._saved[count - 1])
        for number in range(count - 2, -1, -1):
            value = self._value_at(objective, self._saved[number])
            if value > lowest:
                break
            chosen, lowest = number, value
        return chosen, lowest

    def _value_at(self, objective: ObjectiveContract, d: Array) -> float:
        """Return the objective's value at `before` + d, infinite if it is none."""
        array_module(d).add(self.before, d, out=objective.theta)
        value = objective.value()
        return value if math.isfinite(value) else math.inf

    def _adapt(self, ratio: float) -> None:
        if ratio < _BAD:
            self.numbers["damping"] /= _CHANGE
        elif ratio > _GOOD:
            self.numbers["damping"] *= _CHANGE

    def _backtrack(self, objective: ObjectiveContract, value: float, slope: float, first: float) -> float:
        """Return the step along `direction` that lowers the objective enough, 0 if none does; the first is known."""
        if not slope < 0.0:
            return 0.0
        trials = 0

        def line(step: float) -> Trial:
            nonlocal trials
            trials += 1
            if step == 1.0:
                return Trial(step, first, slope)
            objective.tell("line search", trials, _SEARCH.evaluations)
            self.step_to(objective, step)
            return Trial(step, objective.value(), slope)

        found = _SEARCH.search(line, Trial(0.0, value, slope), 1.0)
        return found.step if found else 0.0


def raise_to_three_quarters(x: Array, work: Array) -> None:
    """Turn x into x^0.75 in place: √x · √√x."""
    xp = array_module(x)
    xp.sqrt(x, out=x)
    xp.sqrt(x, out=work)
    x *= work


def saved_after(iterations: int) -> frozenset[int]:
    """Return after which iterations to save where the inner conjugate gradient stands: each 1.3 times the last."""
    found, at = set(), 1.0
    while at <= iterations:
        found.add(math.ceil(at))
        at *= _GROWTH
    return frozenset(found)


def has_stalled(values: Sequence[float], progress: float) -> bool:
    """Tell whether a quadratic model has hardly gained in the last iterations, by its values before the first iteration
    and after each. Martens (2010), section 4.4.
    """
    done = len(values) - 1
    k = max(_LEAST_LOOK_BACK, math.ceil(_LOOK_BACK * done))
    return done > k and values[-1] < 0.0 and (values[-1] - values[-1 - k]) / values[-1] < k * progress


def part_of(examples: int, count: int, update: int) -> slice:
    """Return a part of a batch, of so many of its examples at most: its parts take turns, update by update."""
    count = min(count, examples)
    start = update * count % examples
    return slice(start, start + count) if start + count <= examples else slice(examples - count, examples)
