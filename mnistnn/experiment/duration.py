"""How long training will take, as the time of a few updates lets expect."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnistnn.errors import DataError
from mnistnn.experiment.pace import Pace

if TYPE_CHECKING:
    from mnistnn.experiment.plan import Plan

UPDATES = 3
"""That are timed at least, after a first one, which finds nothing prepared."""

LEAST_S = 0.05
"""For which updates are timed at least: very short ones differ among each other."""

_OF_VALIDATION = 1 / 3  # of what an update takes for as many examples: a forward pass is one of three


@dataclass(frozen=True)
class Duration:
    """What is to be done, in updates, and as evaluations in terms of them.

    per_epoch  updates of an epoch, evaluations counted in
    left       updates that are left at most, likewise; infinite if no policy limits them
    """

    per_epoch: float
    left: float

    def said(self, update_s: float) -> str:
        """Return in words how long it takes if an update takes so many seconds."""
        epoch = said_seconds(update_s * self.per_epoch)
        if math.isinf(self.left):
            return f"about {epoch} for each epoch, of which there may be any number"
        epochs = self.left / self.per_epoch
        return f"about {said_seconds(update_s * self.left)} for up to {_number(epochs)}, {epoch} each"

    def seconds(self, update_s: float) -> float:
        """Return the seconds that are left at most."""
        return update_s * self.left


def duration_of(pace: Pace, valid_examples: int, updates_done: int = 0) -> Duration:
    """Return what there is to be done after so many updates."""
    every = pace.evaluate_every or pace.updates_per_epoch
    share = _OF_VALIDATION * valid_examples / pace.batch_size / every
    return Duration((1 + share) * pace.updates_per_epoch, (1 + share) * (pace.most_updates - updates_done))


class UpdateClock:
    """Times the first updates of a session."""

    def __init__(self) -> None:
        self._began, self._updates = math.inf, -1

    def note(self, now: float) -> float | None:
        """Note that an update has ended; return the mean seconds of one once enough are known, and None before."""
        self._updates += 1
        if self._updates == 0:
            self._began = now
        took = now - self._began
        return took / self._updates if self._updates >= UPDATES and took >= LEAST_S else None


def estimate(plan: "Plan") -> str | None:
    """Do a few updates and say how long training will take; None if the data set is not here, or none is trained by
    steps. The plan's model is changed.
    """
    from time import monotonic

    from mnistnn.training.loop import Training

    try:
        training = plan.learning()
    except DataError:
        return None
    if not isinstance(training, Training):
        return None
    clock = UpdateClock()
    while True:
        for x, targets in training.batches.of_epoch(1):
            training.steps.take(x, targets, training.progress)
            training.progress.updates += 1
            if (update_s := clock.note(monotonic())) is not None:
                return duration_of(plan.pace, plan.examples["valid"]).said(update_s)


def said_seconds(seconds: float) -> str:
    """Write a time roughly, for people."""
    if seconds < 1:
        return f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.2g} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _number(epochs: float) -> str:
    whole = math.ceil(epochs - 1e-6)  # evaluations are counted in
    return "1 epoch" if whole == 1 else f"{whole:,} epochs"
