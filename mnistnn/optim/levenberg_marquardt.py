"""Levenberg–Marquardt: Newton's direction from the Gauss–Newton matrix itself, for small nets."""

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.component import component
from mnistnn.optim.contract import ObjectiveContract, Progress, Requirements
from mnistnn.optim.full_batch import FullBatchOptimizer
from mnistnn.types import Array

_BAD, _GOOD = 0.25, 0.75  # below and above which share of the predicted decrease the damping changes
_LEAST_DAMPING, _MOST_DAMPING = 1e-15, 1e100  # where rounding hides all descent, λ grows at each try


@component
class LevenbergMarquardt(FullBatchOptimizer):
    """θ ← θ + d with (G + λ D) d = −g; G = J'H J is the Gauss–Newton matrix of the batch, g its gradient.

    A step that raises the objective is taken back and tried again with a larger λ. λ shrinks when the objective falls
    by more than three quarters of what g'd + ½ d'G d predicts, and grows below one quarter. With squared_error this is
    the method for least squares: where the model is linear, one step without damping is the solution.

    G of P parameters takes 8 P² bytes, about four times as much with what solves the equations, and k·n·P² operations
    to make for k outputs and n examples. Levenberg (1944); Marquardt (1963); for other losses than squares Schraudolph
    (2002).
    """

    type: Literal["levenberg_marquardt"] = "levenberg_marquardt"
    damping: Annotated[float, Field(gt=0)] = 1e-2
    """λ at the beginning."""
    scaling: Literal["identity", "diagonal"] = "identity"
    """D: identity as Levenberg has it, or the diagonal of G as Marquardt does, for which the units of parameters do not
    matter."""
    up: Annotated[float, Field(gt=1)] = 4.0
    """Factor on λ when a step is bad."""
    down: Annotated[float, Field(gt=1)] = 3.0
    """Divisor of λ when it is good."""
    tries: Annotated[int, Field(ge=1)] = 10
    """How many λ an update tries, at most."""
    memory_mb: Annotated[int, Field(ge=1)] = 1024
    """Memory that G and its equations may take, in units of 10⁶ bytes; a model that needs more is refused."""

    requirements: ClassVar[Requirements] = Requirements(values=True, of_layers=frozenset({"per_example_gradients"}))
    gives: ClassVar[tuple[str, ...]] = (*FullBatchOptimizer.gives, "damping")
    kept: ClassVar[tuple[str, ...]] = ("damping",)

    def allocate(self, theta: Array, grad: Array) -> None:
        super().allocate(theta, grad)
        self.numbers["damping"] = self.damping
        self._G: np.ndarray | None = None  # made by the first step: who only reads checkpoints needs none

    def metrics(self, progress: Progress) -> dict[str, float]:
        return {**super().metrics(progress), "damping": self.numbers["damping"]}

    def bytes_kept(self, parameters: int, itemsize: int) -> int:
        return super().bytes_kept(parameters, itemsize) + bytes_needed(parameters, itemsize)

    def too_large(self, parameters: int, itemsize: int) -> str | None:
        needed = bytes_needed(parameters, itemsize)
        if needed <= self.memory_mb * 10**6:
            return None
        return (
            f"the Gauss–Newton matrix of {parameters:,} × {parameters:,} numbers, and solving its equations, needs "
            f"{needed / 10**6:,.0f} MB, and memory_mb is {self.memory_mb:,}; hessian_free needs no matrix"
        )

    def move(self, objective: ObjectiveContract, progress: Progress) -> float:
        value = self.evaluate(objective)
        loss = self.numbers["loss"]
        if not math.isfinite(value):
            return loss
        if self._G is None:
            self._G = np.empty((objective.theta.size, objective.theta.size))
        G, g = self._G, to_host(objective.grad).astype("float64")
        objective.gauss_newton.matrix(slice(0, objective.examples), G)
        self.before[...] = objective.theta
        self.numbers["step"] = 0.0
        for number in range(self.tries):
            objective.tell("damping", number + 1, self.tries)
            d = solve(G, g, self.numbers["damping"], self.scaling == "diagonal")
            ratio = self._ratio(objective, value, d, float(g @ d + 0.5 * d @ G @ d))
            if ratio > _GOOD:
                self.numbers["damping"] = max(self.numbers["damping"] / self.down, _LEAST_DAMPING)
            elif not ratio >= _BAD:
                self.numbers["damping"] = min(self.numbers["damping"] * self.up, _MOST_DAMPING)
            if ratio > 0.0:
                self.numbers["step"] = 1.0
                return loss
        objective.theta[...] = self.before
        return loss

    def _ratio(self, objective: ObjectiveContract, value: float, d: np.ndarray, predicted: float) -> float:
        """Go to `before` + d; return the share of the predicted decrease that there is, −∞ if there is no telling."""
        if not (np.isfinite(d).all() and predicted < 0.0):
            return -math.inf
        self.direction[...] = array_module(self.direction).asarray(d)
        self.step_to(objective, 1.0)
        there = objective.value()
        return (there - value) / predicted if math.isfinite(there) else -math.inf


def solve(G: np.ndarray, g: np.ndarray, damping: float, by_diagonal: bool) -> np.ndarray:
    """Return d with (G + λ D) d = −g; not finite where there is none. G (P, P), g, d (P,), float64."""
    A = G.copy()
    diagonal = np.einsum("ii->i", A)  # a view
    # A parameter that nothing depends on has a diagonal of 0, and is left where it is.
    diagonal += damping * np.where(diagonal > 0.0, diagonal, 1.0) if by_diagonal else damping
    try:
        return np.linalg.solve(A, -g)
    except np.linalg.LinAlgError:
        return np.full_like(g, np.inf)


def bytes_needed(parameters: int, itemsize: int) -> int:
    """Return what G, a product that is added to it, its damped copy and the copy that is factorised take."""
    return parameters**2 * (8 + itemsize + 8 + 8)
