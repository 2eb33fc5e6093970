"""LISA's early stopping by a patience that grows geometrically, and the improvement that its authors propose.

Their loop looks at the validation set whenever (i + 1) % validation_frequency == 0, at iteration i = updates − 1, with
validation_frequency = min(batches of an epoch, patience // 2), so that patience is tested twice before it ends. So
where half the patience is less than an epoch, evaluations come after each half, and not after epochs.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import ceil, inf
from typing import Annotated, Literal

from pydantic import Field

from mnistnn.component import component
from mnistnn.stopping.contract import Deadline, Monitor, Policy
from mnistnn.types import History, Row, shown


class _GrowingPatience(Policy):
    """Abstract: patience in updates, half of which is the longest time between two evaluations."""

    updates: int

    def evaluation_interval(self) -> int | None:
        return max(1, self.updates // 2)

    def needs_epochs(self) -> bool:
        return False

    def of_published_loop(self, history: History) -> Iterator[Row]:
        """Yield the evaluations that count: those after epochs do not where half the patience is less than an epoch.

        There, an evaluation after an epoch was made for the sake of something else, or by an earlier version.
        """
        half = max(1, self.updates // 2)
        for row in history:
            updates, epoch = int(row["updates"]), row["epoch"]
            is_after_epoch = epoch >= 1 and epoch % 1 == 0
            if not (is_after_epoch and half * epoch < updates and updates % half):
                yield row


@component
class LisaPatience(_GrowingPatience):
    """LISA's early stopping: patience, counted in updates, grows geometrically when the improvement is significant.

    As in the published programs, with iteration i = updates − 1: at an evaluation that lowers the best value below
    threshold · best, patience becomes max(patience, i · increase); training ends after the first update with
    patience ≤ i, which may be inside an epoch. (Their comment says examples; the code counts mini-batches.) Evaluations
    come after each epoch or, if that is less, every updates // 2 updates and not after epochs, so that patience is
    tested twice before it ends. After epochs there are others then if `evaluation.every_updates`, another policy or
    the learning rate's schedule wants them; patience leaves these out.
    """

    type: Literal["lisa_patience"] = "lisa_patience"
    monitor: Monitor = "valid.error"
    """The metric that must improve."""
    updates: Annotated[int, Field(ge=1)] = 5000
    """Updates to make regardless."""
    increase: Annotated[float, Field(ge=1)] = 2
    """How many times longer to go on after a significant improvement."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.995
    """An improvement counts as significant below this fraction of the best value."""

    def metrics(self) -> tuple[str, ...]:
        return (self.monitor,)

    def deadline(self, history: History) -> Deadline | None:
        best, patience = inf, self.updates
        for row in self.of_published_loop(history):
            value, i = row[self.monitor], int(row["updates"]) - 1
            if value < best:
                if value < best * self.threshold:
                    patience = max(patience, ceil(i * self.increase))  # the first i not below it
                best = value
        return Deadline(
            patience + 1,
            f"lisa_patience: {patience} updates of patience are used up at {self.monitor} {shown(self.monitor, best)}",
        )


@component
class SignificancePatience(_GrowingPatience):
    """LISA's patience, extended only when the improvement is statistically significant, as their note proposes.

    Each evaluation reads the same validation images, so it is paired with the best one before it: `valid.gained` counts
    the images that are classified correctly now and were not then, `valid.lost` the opposite. If the two models were
    equally good, gained would be binomial with probability ½ among gained + lost; the improvement is significant when
    the one-sided exact probability of so many gains is at most `level` (McNemar's test). Evaluations come as for
    lisa_patience.
    """

    type: Literal["significance_patience"] = "significance_patience"
    updates: Annotated[int, Field(ge=1)] = 5000
    """Updates to make regardless."""
    increase: Annotated[float, Field(ge=1)] = 2
    """How many times longer to go on after a significant improvement."""
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Probability of taking chance for an improvement."""

    def metrics(self) -> tuple[str, ...]:
        return ("valid.gained", "valid.lost")

    def deadline(self, history: History) -> Deadline | None:
        patience = self.updates
        for row in self.of_published_loop(history):
            gained, lost = int(row["valid.gained"]), int(row["valid.lost"])
            if gained > lost and chance_of_gains(gained, lost) <= self.level:
                patience = max(patience, ceil((int(row["updates"]) - 1) * self.increase))
        return Deadline(patience + 1, f"significance_patience: {patience} updates of patience are used up")


@lru_cache(maxsize=4096)  # every look at a history asks about all of its rows again
def chance_of_gains(gained: int, lost: int) -> float:
    """Return P(X ≥ gained) for X ~ Binomial(n, ½) with n = gained + lost: exact integers, divided once.

    The sum of C(n, k) from k = n down to `gained`, each from the one before: C(n, k − 1) = C(n, k) · k/(n − k + 1).
    """
    n = gained + lost
    term = total = 1
    for k in range(n, gained, -1):
        term = term * k // (n - k + 1)
        total += term
    return total / (1 << n)
