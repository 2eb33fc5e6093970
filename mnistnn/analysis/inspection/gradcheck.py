"""Hand-written gradients against finite differences, in float64.

The model keeps its architecture, loss and penalties but gets fresh random parameters (zeros would hide mistakes: the
gradient behind a layer of zeros is zero) and a few random images. For each parameter array, derivatives along random
directions and along single coordinates are compared with central differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnistnn.backend.rng import stream
from mnistnn.data.sequences.contract import SequencesInfo
from mnistnn.errors import UsageError
from mnistnn.experiment.plan import Plan
from mnistnn.models.flat import Slot
from mnistnn.objectives.supervised import Objective

TOLERANCE = 1e-6
# A step across the kink of a ReLU gives a wrong difference for that step only; a wrong gradient is wrong for all.
_STEPS = (1e-5, 1e-6, 1e-4)
_DIRECTIONS = 3
_COORDINATES = 10
# Below this, both derivatives count as zero: differences of a loss near 1 are not better than rounding / step.
_ZERO = 1e-8
# So far, times the value, may a sum of many terms be rounded: a small derivative of a deep net is lost in that.
_ROUNDING = 16 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class GradientRow:
    """The worst relative error |a − n| / max(1e-8, |a| + |n|) found for one parameter array.

    worst           of what rounding does not explain
    relative_error  all of it
    """

    name: str
    size: int
    worst: float
    relative_error: float

    @property
    def passed(self) -> bool:
        return self.worst < TOLERANCE


def randomize(objective: Objective, slots: Sequence[Slot], seed: int) -> None:
    """Replace all parameters by normal draws, scaled so that no unit saturates. theta must be float64."""
    rng = stream(seed, "check")
    for slot in slots:
        shape = slot.parameter.shape
        scale = 1.0 / np.sqrt(slot.parameter.fan.n_in) if slot.parameter.kind == "weight" else 0.1
        objective.theta[slot.part] = rng.normal(0.0, scale, shape).reshape(-1)


def check_gradient(objective: Objective, slots: Sequence[Slot], seed: int) -> list[GradientRow]:
    """Compare the objective's gradient at its present theta and batch with differences, array by array."""
    rng = stream(seed, "check", 1)
    objective.value_and_grad()
    grad = objective.grad.copy()
    rows = []
    for slot in slots:
        size = slot.stop - slot.start
        errors = [_relative_error(objective, grad, slot.part, direction) for direction in _directions(size, rng)]
        rows.append(GradientRow(slot.name, size, max(off for off, _ in errors), max(whole for _, whole in errors)))
    return rows


def _directions(size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return unit vectors (size,): dense random ones, and some of the coordinate axes (all of a small array)."""
    dense = rng.normal(size=(_DIRECTIONS, size))
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    chosen = rng.permutation(size)[:_COORDINATES]
    axes = np.zeros((len(chosen), size))
    axes[np.arange(len(chosen)), chosen] = 1.0
    return [*dense, *axes]


def _relative_error(objective: Objective, grad: np.ndarray, part: slice, direction: np.ndarray) -> tuple[float, float]:
    """Return the relative error along a direction, without what rounding may be and whole, by the step that is best."""
    analytic = float(grad[part] @ direction)
    start = objective.theta[part].copy()
    best, whole = np.inf, np.inf
    for step in _STEPS:
        objective.theta[part] = start + step * direction
        above = objective.value_and_grad()
        objective.theta[part] = start - step * direction
        below = objective.value_and_grad()
        objective.theta[part] = start
        numeric = (above - below) / (2 * step)
        rounding = _ROUNDING * max(abs(above), abs(below)) / step
        off = abs(analytic - numeric) - rounding
        off = 0.0 if off < 0.0 else off  # what is no number stays
        size = max(_ZERO, abs(analytic) + abs(numeric))
        if off / size < best or not np.isfinite(best):
            best, whole = off / size, abs(analytic - numeric) / size
        if best < TOLERANCE:
            break
    return best, whole


def check_experiment(plan: Plan, examples: int) -> list[GradientRow]:
    """Check the gradients of an experiment's model, loss and penalties on a random batch. Its dtype must be float64.

    Raises UsageError for a model that leaves out a part of its gradient on purpose.
    """
    experiment = plan.experiment
    for name, layer in plan.task.layers.items():
        if layer.is_truncated:
            raise UsageError(f"{name}: its gradient is cut off (truncate), and so not that of the loss")
    rng = stream(experiment.seed, "check", 2)
    plan.allocate()
    objective = Objective(plan.task.network, plan.task.criterion, plan.penalties)
    x = rng.uniform(size=(examples, *plan.preprocessing.out_shape))
    objective.set_batch(*_as_sequences(plan.sequences, x, rng, plan.classes), update=0)
    randomize(objective, plan.task.flat.slots, experiment.seed)
    return check_gradient(objective, plan.task.flat.slots, experiment.seed)


def _as_sequences(
    info: SequencesInfo | None, x: np.ndarray, rng: np.random.Generator, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and random targets, as data of that kind have them; of images, labels."""
    n = len(x)
    if info is None:
        return x, rng.integers(classes, size=n)
    if info.ragged:
        lengths = rng.integers(1, info.steps + 1, size=n)
        x = np.concatenate([x, (np.arange(info.steps) < lengths[:, None])[:, :, None]], axis=2)
    shape = (n, info.steps) if info.every_step else (n,)
    if info.numbers is not None:
        return x, rng.normal(size=(*shape, info.numbers))
    return x, rng.integers(classes, size=shape)
