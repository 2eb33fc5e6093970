"""Regression: how far off the numbers are that a network predicts."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass

from mnistnn.backend.arrays import array_module
from mnistnn.errors import ConfigError, UsageError
from mnistnn.losses import Criterion, Loss
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.tasks.claims import TEST_LOSS, Claim
from mnistnn.tasks.contract import Subject, Watch, refuse_errors
from mnistnn.tasks.network import NetworkTask
from mnistnn.tasks.result import STRICT, Result
from mnistnn.types import Shape, SplitName


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RegressionResult(Result):
    """Metrics over all numbers that there are to be predicted.

    loss       mean squared error
    root       its square root, in the unit of the numbers that are learned: of a standardized column, its deviation
    of_mean    mean squared error of who always predicts the mean of these numbers: their variance
    explained  1 − loss/of_mean; null where the numbers do not vary
    """

    numbers: int
    loss: float
    root: float
    of_mean: float
    explained: float | None

    prefix: ClassVar[str] = "regression-"
    what: ClassVar[str] = "a measurement of a regression"
    plural: ClassVar[str] = "regressions"
    mark: ClassVar[str] = "of_mean"

    @property
    def headline(self) -> str:
        return f"mean squared error {self.loss:.5g}"


class Regression(NetworkTask):
    """Numbers for each example, or at each step of a sequence."""

    result: ClassVar[type[Result]] = RegressionResult
    claims: ClassVar[tuple[Claim, ...]] = (TEST_LOSS,)

    def refuse_what_does_not_fit(self) -> None:
        super().refuse_what_does_not_fit()
        refuse_errors(self.experiment, "this is a regression")

    def judge(self, loss: Any) -> Criterion:
        if not isinstance(loss, MeanSquaredError):
            raise ConfigError(
                f"{loss.type} is for classes, and these data have numbers; mean_squared_error is for such", key="loss"
            )
        self._of_numbers = loss
        return loss

    def build_criterion(self, out_shape: Shape) -> None:
        numbers = self.source.target_numbers
        assert numbers is not None
        self._of_numbers.build(out_shape, numbers)

    @property
    def loss(self) -> Loss:
        raise UsageError(f"{self.experiment.name}: its model predicts numbers, and not one class for each example")

    @property
    def described(self) -> str:
        return "predicts numbers"

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        lost, examples, numbers, total, square = 0.0, 0, 0, 0.0, 0.0
        for x, targets in subject.batches(split):
            score = self._of_numbers.score(self.scores(x), targets)
            true = array_module(targets).nan_to_num(targets.astype("float64"))
            lost, examples, numbers = lost + score.loss, examples + len(x), numbers + score.examples
            total, square = total + float(true.sum()), square + float((true * true).sum())
        loss, of_mean = lost / numbers, max(square / numbers - (total / numbers) ** 2, 0.0)
        return {
            "examples": examples,
            "numbers": numbers,
            "loss": loss,
            "root": math.sqrt(loss),
            "of_mean": of_mean,
            "explained": 1.0 - loss / of_mean if of_mean > 0.0 else None,
        }

    def lines(self, result: Any, claim: str | None, columns: int | None = None) -> list[str]:
        explained = "" if result.explained is None else f", {100 * result.explained:.2f} % of it explained"
        return [
            f"{result.about}, {result.numbers:,} numbers of {result.examples:,} {self.source.called}",
            f"mean squared error {result.loss:.5g}, its root {result.root:.5g}",
            f"  of always predicting the mean {result.of_mean:.5g}{explained}",
            *([] if claim is None else [f"claim {claim}"]),
        ]
