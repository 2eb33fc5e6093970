"""Forecasts: the numbers that a model predicts at the steps of sequences, beside the targets."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import to_host
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.types import SplitName


@dataclass(frozen=True, eq=False)
class Forecast:
    """One of the numbers, along the steps of the first sequences of a split, which follow each other.

    name             of the column it comes from, or None
    predicted, true  (sequences, steps), float64, in the unit of that column; true is NaN where there is none
    """

    name: str | None
    predicted: NDArray[np.float64]
    true: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The root of the mean squared error of what is shown, in its unit."""
        return math.sqrt(np.nanmean((self.predicted - self.true) ** 2))


def forecast(trained: Trained, split: SplitName, sequences: int, number: int) -> Forecast:
    """Return the number of that place in each target, for the first sequences of a split.

    Raises UsageError for a model that predicts no numbers at each step, or has not as many.
    """
    plan = trained.plan
    info, name = plan.sequences, plan.experiment.name
    if info is None or info.numbers is None or not info.every_step:
        raise UsageError(f"{name}: its model predicts no numbers at the steps of a sequence")
    if number >= info.numbers:
        raise UsageError(
            f"--number: {name} predicts {info.numbers} at each step, counted from 0, and there is no {number}"
        )
    x, targets = trained.first(split, sequences)
    with trained.computing():
        predicted = to_host(plan.task.scores(x)).astype(np.float64)
    true = to_host(targets).astype(np.float64)
    if info.units is None:
        return Forecast(None, predicted[:, :, number], true[:, :, number])
    unit = info.units[number]
    return Forecast(unit.name, *(unit.centre + unit.scale * values[:, :, number] for values in (predicted, true)))
