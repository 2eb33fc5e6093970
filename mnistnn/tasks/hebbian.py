"""Hebbian learning: how much the outputs of units vary that learn from inputs alone."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic.dataclasses import dataclass

from mnistnn.backend.memory_order import as_rows
from mnistnn.errors import ConfigError, UsageError
from mnistnn.losses import Criterion, Loss
from mnistnn.losses.hebbian import Hebbian
from mnistnn.tasks.claims import VARIANCE, Claim
from mnistnn.tasks.contract import Subject, Watch, refuse_errors
from mnistnn.tasks.network import NetworkTask
from mnistnn.tasks.result import STRICT, Result
from mnistnn.types import Array, Shape, SplitName


@dataclass(frozen=True, kw_only=True, config=STRICT)
class HebbianResult(Result):
    """Variances over the examples of a split.

    loss       minus half of `variance`
    variance   of the outputs, summed over units
    of_inputs  of the inputs, summed over them
    """

    loss: float
    variance: float
    of_inputs: float

    prefix: ClassVar[str] = "hebbian-"
    what: ClassVar[str] = "a measurement of Hebbian learning"
    plural: ClassVar[str] = "variances"
    mark: ClassVar[str] = "of_inputs"

    @property
    def headline(self) -> str:
        return f"variance {self.variance:.5g}"


class HebbianTask(NetworkTask):
    """A network whose loss asks for no targets."""

    result: ClassVar[type[Result]] = HebbianResult
    claims: ClassVar[tuple[Claim, ...]] = (VARIANCE,)

    def refuse_what_does_not_fit(self) -> None:
        super().refuse_what_does_not_fit()
        if self.source.sequences is not None:
            raise ConfigError("hebbian is for images and rows of a table, and these are sequences", key="loss")
        if self.experiment.batches.chunk is not None:
            raise ConfigError("a batch is judged as a whole, and does not pass in pieces", key="batches.chunk")
        refuse_errors(self.experiment, "Hebbian learning classifies nothing")

    def judge(self, loss: Any) -> Criterion:
        assert isinstance(loss, Hebbian)
        self._hebbian = loss
        return loss

    def build_criterion(self, out_shape: Shape) -> None:
        self._hebbian.build(out_shape)

    @property
    def loss(self) -> Loss:
        raise UsageError(f"{self.experiment.name}: its model learns without labels, and classifies nothing")

    @property
    def described(self) -> str:
        return "learns without labels"

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        outputs, inputs = _Variance(), _Variance()
        for x, _ in subject.batches(split):
            outputs.add(self.scores(x))
            inputs.add(as_rows(x))
        variance = outputs.total()
        return {
            "examples": outputs.count,
            "loss": -0.5 * variance,
            "variance": variance,
            "of_inputs": inputs.total(),
        }

    def lines(self, result: Any, claim: str | None, columns: int | None = None) -> list[str]:
        share = f", {100 * result.variance / result.of_inputs:.2f} % of that" if result.of_inputs else ""
        return [
            f"{result.about}, {result.examples:,} {self.source.called}",
            f"variance of the outputs {result.variance:.5g}",
            f"  of the inputs {result.of_inputs:.5g}{share}",
            *([] if claim is None else [f"claim {claim}"]),
        ]


class _Variance:
    """The variance of the columns of batches (n, k), in float64, summed over columns."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: Any = 0.0
        self._square = 0.0

    def add(self, x: Array) -> None:
        exact = x.astype("float64")
        self.count += len(x)
        self._sum = self._sum + exact.sum(axis=0)
        self._square += float((exact * exact).sum())

    def total(self) -> float:
        mean = self._sum / self.count
        return max(self._square / self.count - float((mean * mean).sum()), 0.0)
