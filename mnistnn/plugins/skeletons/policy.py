"""A stopping policy of my own.

Is it right?  mnistnn inspect component skeleton.py
Use it:       mnistnn train mlp --code skeleton.py "stopping=[{type: skeleton}, {type: max_epochs, epochs: 50}]"
"""

from math import inf
from typing import Literal

from mnistnn.plugins import Count, History, Policy, policy


@policy
class Skeleton(Policy):
    """Ends a run when the validation error has not been lower for some evaluations."""

    # What an experiment calls it: {type: skeleton}.
    type: Literal["skeleton"] = "skeleton"
    patience: Count = 5
    """How many evaluations it waits."""

    def metrics(self) -> tuple[str, ...]:
        """Name the columns of the history that are read."""
        return ("valid.error",)

    def reason(self, history: History) -> str | None:
        """Say why the run ends at its newest evaluation; None to go on.

        The history has a row for each evaluation. Count nothing in self: a run that is resumed begins with a new
        policy, and must come to the same end.
        """
        best, waited = inf, 0
        for row in history:
            if row["valid.error"] < best:  # what is no number is never lower
                best, waited = row["valid.error"], 0
            else:
                waited += 1
        return f"skeleton: no better for {waited} evaluations" if waited >= self.patience else None
