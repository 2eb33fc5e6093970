"""The contract of a stopping policy.

A policy keeps no counter. It reads the rows of metrics.jsonl from the first to the last and says whether the run ends
there, so a resumed run cannot forget its patience. A NaN is never an improvement: every comparison is a plain `<`.

A policy that ends a run inside an epoch, as `lisa_patience` does, names the update as a deadline. To ask every policy
after every update would read the history each time; a deadline is asked for once an evaluation, and lets the display
say when the run will end.
"""

from dataclasses import dataclass
from typing import Literal

from mnistnn.types import History

Monitor = Literal["valid.error", "valid.loss", "valid.balanced_error"]


@dataclass(frozen=True)
class Deadline:
    """The update after which the run ends.

    is_fixed  no evaluation moves it, so the run is measured once more where it ends
    """

    updates: int
    reason: str
    is_fixed: bool = False


class Policy:
    """Abstract: may end a run at an evaluation, at an update, or after a time; what it has no use for says None."""

    def reason(self, history: History) -> str | None:
        """Say why the run ends at its newest evaluation, if it does."""
        return None

    def deadline(self, history: History) -> Deadline | None:
        """Name the update at which the run ends if no evaluation before it changes that."""
        return None

    def time_limit_s(self) -> float | None:
        """Name the time spent training, over all sessions, after which the run ends."""
        return None

    def metrics(self) -> tuple[str, ...]:
        """Name the columns of the history that decide."""
        return ()

    def evaluation_interval(self) -> int | None:
        """Name the updates after which there must be an evaluation, also inside an epoch."""
        return None

    def needs_epochs(self) -> bool:
        """Tell whether there must be an evaluation after each epoch, also where others come more often."""
        return True
