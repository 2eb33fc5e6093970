"""The gradients of an experiment's model, loss and penalties, checked by `objectives/gradient_check.py`.

The model keeps its architecture, loss and penalties but gets fresh random parameters (zeros would hide mistakes: the
gradient behind a layer of zeros is zero) and a few random images. For each parameter array, and for the inputs,
derivatives along random directions and along single coordinates are compared with central differences.
"""

import numpy as np

from mnistnn.backend.rng import stream
from mnistnn.experiment.plan import Plan
from mnistnn.objectives.gradient_check import GradientRow, check_function, randomize


def check_experiment(plan: Plan, examples: int) -> list[GradientRow]:
    """Check the gradients of an experiment on a random batch, by parameter. Its dtype must be float64.

    Raises UsageError for a model without a gradient, or with one that is not that of a function.
    """
    seed, task = plan.experiment.seed, plan.task
    rng = stream(seed, "check", 2)
    plan.allocate()
    x = rng.uniform(size=(examples, *plan.preprocessing.out_shape))
    function = task.checked_function(*_with_targets(plan, x, rng), plan.penalties)
    randomize(task.flat.theta, task.flat.slots, seed)
    return check_function(function, task.flat.slots, seed)


def _with_targets(plan: Plan, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and random targets, labels or numbers, as the data of the experiment have them."""
    n, info, numbers = len(x), plan.sequences, plan.source.target_numbers
    if info is not None and info.ragged:
        lengths = rng.integers(1, info.steps + 1, size=n)
        x = np.concatenate([x, (np.arange(info.steps) < lengths[:, None])[:, :, None]], axis=2)
    if numbers is not None:
        return x, rng.normal(size=(n, *numbers))
    return x, rng.integers(plan.classes, size=(n, info.steps) if info is not None and info.every_step else (n,))
