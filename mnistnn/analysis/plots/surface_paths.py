"""Paths of update rules on surfaces: the optimizers that train models move a point of one or two variables."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.plots.surfaces import Point, Surface
from mnistnn.backend.rng import stream
from mnistnn.config.load import load_text
from mnistnn.errors import UsageError
from mnistnn.optim.contract import Decay, OptimizerContract, Progress
from mnistnn.types import Array, Row

_FAR = 1e6  # from the origin, in any variable: a path that gets there diverges
# An experiment that lacks an optimizer; everything else is there only because an experiment has it.
_EXPERIMENT = """\
name: surface
data: {dataset: mnist}
model: {type: sequential, layers: {output: {type: dense, units: 10}}}
loss: {type: softmax_nll}
batches: {size: 1}
stopping: [{type: max_epochs, epochs: 1}]
"""
_BEFORE_A_SETTING = re.compile(r"\s+(?=[\w.]+=)")


@dataclass(frozen=True)
class UpdateRule:
    """An optimizer, and what it is called in a picture."""

    label: str
    optimizer: OptimizerContract


@dataclass(frozen=True)
class Path:
    """Where a rule went: `points` (n + 1, d), the start and one after each step; `values` (n + 1,) of the surface.

    left      the number of the first step that ended outside of the picture, if one did
    diverged  the number of the step that ended far away, or at no number, if one did; it is the last one
    """

    label: str
    points: NDArray[np.float64]
    values: NDArray[np.float64]
    left: int | None
    diverged: int | None

    def said(self) -> str:
        """Say where the path ends, and the value there."""
        if self.diverged is not None:
            return f"{self.label}: diverged at step {self.diverged}"
        steps = len(self.points) - 1
        at = ", ".join(f"{each:.4f}" for each in self.points[-1] + 0.0)
        return f"{self.label}: after {steps} step{'s' if steps != 1 else ''} at ({at}), value {self.values[-1]:.4g}"


@dataclass(frozen=True)
class Noise:
    """Random numbers that are added to each derivative, of a normal distribution with this deviation."""

    deviation: float
    seed: int

    def at(self, step: int, size: int) -> NDArray[np.float64]:
        """Return the numbers of a step, the same for every rule."""
        return stream(self.seed, "surface", step).normal(scale=self.deviation, size=size)


def update_rule(text: str) -> UpdateRule:
    """Return the rule of a text: a type and settings, as overrides have them, such as `adam learning_rate=0.1`.

    Settings are keys of `optimizer` in an experiment. Raises ConfigError for what is no optimizer there.
    """
    kind, *settings = _BEFORE_A_SETTING.split(text.strip())
    overrides = [f"optimizer.type={kind}", *(f"optimizer.{each}" for each in settings)]
    optimizer = load_text(_EXPERIMENT, "--rule", overrides).experiment.optimizer
    assert optimizer is not None
    return UpdateRule(", ".join([kind, *(each.replace("=", " ", 1) for each in settings)]), optimizer)


def called(rules: Sequence[UpdateRule], labels: Sequence[str]) -> list[UpdateRule]:
    """Return rules with other labels, if any are given. Raises UsageError if their number is not that of rules."""
    if labels and len(labels) != len(rules):
        raise UsageError(f"--label: {len(labels)} given for {len(rules)} rule(s)")
    return [replace(rule, label=label) for rule, label in zip(rules, labels, strict=True)] if labels else list(rules)


def path_of(rule: UpdateRule, surface: Surface, start: Sequence[float], steps: int, noise: Noise | None) -> Path:
    """Return the path of a rule that makes so many steps, each of which counts as an epoch; fewer if it diverges.

    Raises UsageError for noise on a method that compares values of the surface.
    """
    optimizer = rule.optimizer
    if noise is not None and optimizer.requirements.values:
        raise UsageError(f"--noise: {rule.label} compares values of the surface, which noisy gradients do not fit")
    objective = _Objective(surface, np.array(start, dtype=np.float64), noise)
    optimizer.allocate(objective.theta, objective.grad)
    points, history = [objective.theta.copy()], list[Row]()
    diverged = None
    with np.errstate(all="ignore"):  # a path that diverges is said to
        for step in range(steps):
            objective.step = step
            progress = Progress(epoch=step, updates=step, updates_per_objective=None, history=history)
            optimizer.step(objective, progress)
            if np.isfinite(objective.theta).all():
                points.append(objective.theta.copy())
            if not (np.abs(objective.theta) <= _FAR).all():
                diverged = step + 1
                break
            history.append(_row(step + 1, float(surface.value(objective.theta))))
        values = np.array([surface.value(point) for point in points])
    left = next((number for number, point in enumerate(points) if not surface.holds(point)), diverged)
    return Path(rule.label, np.array(points), values, left, diverged)


def _row(epoch: int, value: float) -> Row:
    """Return an evaluation for schedules that respond to performance: whatever they monitor is the surface's value."""
    return {"epoch": epoch, "train.loss": value, "valid.loss": value, "valid.error": value}


@dataclass
class _Objective:
    """A surface as optimizers ask it (`optim/contract.py`); `step` is the number of the step, counted from 0."""

    surface: Surface
    theta: Array
    noise: Noise | None
    step: int = 0
    grad: Array = field(init=False)
    decay: Decay = ()
    mean_loss: float = math.nan
    passed: int = 0
    examples: int = 1

    def __post_init__(self) -> None:
        self.grad = np.zeros_like(self.theta)

    @property
    def gauss_newton(self) -> "_Objective":
        return self

    def loss_and_grad(self, decay: bool = True) -> Array:
        return np.float64(self.value_and_grad())

    def value_and_grad(self) -> float:
        self.grad[...] = self.surface.gradient(self.theta)
        if self.noise is not None:
            self.grad += self.noise.at(self.step, self.theta.size)
        return self.value()

    def value(self) -> float:
        self.passed += 1
        self.mean_loss = float(self.surface.value(self.theta))
        return self.mean_loss

    def tell(self, what: str, done: int, most: int | None) -> None:
        """Say nothing: a step takes no time."""

    def products(self, part: slice) -> Callable[[Array, Array], None]:
        matrix = self.surface.curvature(self.theta)
        return lambda v, out: np.matmul(matrix, v, out=out)

    def diagonal(self, part: slice, out: Array) -> None:
        out[...] = np.diag(self.surface.curvature(self.theta))

    def matrix(self, part: slice, out: Point) -> None:
        out[...] = self.surface.curvature(self.theta)
