"""What contrastive divergence follows, as a function: for differences, which need values.

An update moves the mean energy of the data down and that of the ends of chains up. While both stay where they are, the
direction that it follows is the gradient of mean E(data) − mean E(ends). (As chains move with theta, no function falls
along the directions of several updates; and with that the sampling itself is not checked.)
"""

import numpy as np

from mnistnn.objectives.boltzmann import BoltzmannObjective
from mnistnn.objectives.contrastive_divergence import RBMObjective
from mnistnn.objectives.gradient_check import CheckedFunction


def energy_gap(
    objective: RBMObjective | BoltzmannObjective, width: int, examples: int, rng: np.random.Generator
) -> CheckedFunction:
    """Return the gap between so many random states of `width` units and as many others, with smooth penalties."""
    data, ends = (rng.random((2, examples, width)) < 0.5).astype(np.float64)

    def value() -> float:
        gap = float(objective.energy(data).mean() - objective.energy(ends).mean())
        return gap + sum(penalty.value(objective.theta) for penalty in objective.smooth)

    def value_and_grad() -> float:
        objective.write_gradient_between(data, ends)
        return value()

    magnitude = float(np.abs(objective.energy(np.concatenate([data, ends]))).max())
    return CheckedFunction(objective.theta, objective.grad, value, value_and_grad, magnitude=magnitude)
