"""How far off the numbers are that a model tells: figures of one split."""

import math
from collections.abc import Callable

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistnn.analysis.evaluation import results
from mnistnn.analysis.evaluation.predictions import batches_of
from mnistnn.backend.arrays import array_module
from mnistnn.errors import DivergedError, UsageError
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.run.directory import RunDirectory
from mnistnn.types import SplitName

SCHEMA_VERSION = 1


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Regression:
    """Figures of one model on one split, over all numbers that there are to be told.

    loss       mean squared error
    root       its square root, in the unit of the numbers that are learned: of a standardized column, its deviation
    of_mean    mean squared error of who always tells the mean of these numbers: their variance
    explained  1 − loss/of_mean; null where the numbers do not vary
    """

    schema_version: int
    run: str
    split: SplitName
    checkpoint: str
    checkpoint_file: str
    epoch: float
    examples: int
    numbers: int
    loss: float
    root: float
    of_mean: float
    explained: float | None
    test_readings: int


FILES = results.Files("regression-", TypeAdapter(Regression), "a measurement of told numbers", SCHEMA_VERSION)
"""Where they are kept."""


def measure(run: RunDirectory, split: SplitName, which: str, warn: Callable[[str], None]) -> Regression:
    """Measure a run's model on a split, keep the result under eval/, and note a reading of the test split.

    Raises UsageError for a model that tells no numbers, or a split without examples.
    """
    trained = results.begin(run, split, which, warn)
    plan = trained.plan
    model, criterion = plan.model, plan.criterion
    if not isinstance(criterion, MeanSquaredError):
        raise UsageError(f"{plan.experiment.name}: its model reads classes, and tells no numbers")
    lost, examples, numbers, total, square = 0.0, 0, 0, 0.0, 0.0
    with trained.computing():
        for x, targets in batches_of(trained, split):
            score = criterion.score(model.forward(x, train=False), targets)
            told = array_module(targets).nan_to_num(targets.astype("float64"))
            lost, examples, numbers = lost + score.loss, examples + len(x), numbers + score.examples
            total, square = total + float(told.sum()), square + float((told * told).sum())
    if not math.isfinite(lost):
        raise DivergedError(f"{run.path}: the loss on the {split} split is not a finite number")
    loss, of_mean = lost / numbers, max(square / numbers - (total / numbers) ** 2, 0.0)
    found = Regression(
        schema_version=SCHEMA_VERSION,
        examples=examples,
        numbers=numbers,
        loss=loss,
        root=math.sqrt(loss),
        of_mean=of_mean,
        explained=1.0 - loss / of_mean if of_mean > 0.0 else None,
        **results.about(run, trained, split),
    )
    FILES.keep(run, found)
    return found
