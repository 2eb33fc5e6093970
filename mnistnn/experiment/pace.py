"""How a planned experiment goes on: examples, updates and epochs, and after which of them it ends at the latest."""

import math
from dataclasses import dataclass

from mnistnn.config.schema import AnyExperiment
from mnistnn.optim.rule import monitored_by_rate
from mnistnn.stopping.limits import most_epochs, shortest_interval


def needs_epochs(experiment: AnyExperiment) -> bool:
    """Tell whether anything in an experiment needs an evaluation after each epoch: a key, a policy, a schedule."""
    is_asked_for = experiment.evaluation.every_updates is not None
    responds = monitored_by_rate(experiment.optimizer) is not None
    return is_asked_for or responds or any(policy.needs_epochs() for policy in experiment.stopping)


@dataclass
class Pace:
    """Numbers that follow from an experiment and the examples that it has.

    rounds              of a model that is fitted, at most; None for one that is trained by steps
    examples_per_epoch  at most, until the training split is read
    is_known            whether it is known, and no upper bound
    """

    experiment: AnyExperiment
    rounds: int | None
    examples_per_epoch: int
    is_known: bool

    @property
    def batch_size(self) -> int:
        return self.experiment.batches.examples_per_batch(self.examples_per_epoch)

    @property
    def examples_at_once(self) -> int:
        """How many examples of a batch pass through the model in one piece."""
        return min(self.batch_size, self.experiment.batches.chunk or self.batch_size)

    @property
    def updates_per_epoch(self) -> int:
        batches = self.experiment.batches
        return batches.count(self.examples_per_epoch) * batches.updates

    @property
    def evaluate_every(self) -> int | None:
        """Updates after which to evaluate inside an epoch too: as configured, or as a stopping policy needs it."""
        wanted = self.experiment.evaluation.every_updates, shortest_interval(self.experiment.stopping)
        intervals = [n for n in wanted if n is not None]
        shortest = min(intervals, default=self.updates_per_epoch)
        return shortest if shortest < self.updates_per_epoch else None

    @property
    def evaluates_epochs(self) -> bool:
        """Whether an evaluation comes after each epoch: always, unless a stopping policy needs them more often and
        nothing else needs that one.
        """
        return self.evaluate_every is None or needs_epochs(self.experiment)

    @property
    def max_epochs(self) -> int | None:
        """The number of epochs after which the run ends whatever happens, if its policies name one, or its rounds."""
        limits = (most_epochs(self.experiment.stopping), self.rounds)
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def most_updates(self) -> float:
        """The number of updates that no run exceeds; infinite if the policies name none."""
        deadlines = [deadline for policy in self.experiment.stopping if (deadline := policy.deadline([])) is not None]
        limits = [deadline.updates for deadline in deadlines if deadline.is_fixed]
        if self.max_epochs is not None:
            limits.append(self.max_epochs * self.updates_per_epoch)
        return min(limits, default=math.inf)
