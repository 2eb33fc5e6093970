"""Fitting: a model that learns in rounds of its own is measured and kept after each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.errors import DivergedError
from mnistnn.models.contract import Fitted, Tell
from mnistnn.optim.contract import Progress
from mnistnn.stopping.contract import Deadline, Policy
from mnistnn.stopping.limits import most_epochs
from mnistnn.training.learning import Layout, Learning, PrunedBecause, RoundsCheckpointing, is_finite_row
from mnistnn.types import Array, Row, ShapeError

Measure = Callable[[Tell], dict[str, float]]
"""Measures a model as it stands, and reports how far it is: the metrics of an evaluation."""


@dataclass
class Fitting(Learning):
    """Everything that `fit` moves: the model, counters, the history. An epoch, and an update, is a round."""

    model: Fitted
    x: Array
    labels: Array
    policies: Sequence[Policy]
    evaluate: Measure
    monitor: str
    evaluate_every: int = 1
    """Rounds after which the model is measured; after the last one it always is."""
    progress: Progress = field(default_factory=Progress)
    history: list[Row] = field(default_factory=list)
    clock: Callable[[], float] = lambda: 0.0
    pruned_because: PrunedBecause | None = None
    tell: Tell = lambda *_: None
    """Reports the progress of a round."""

    def __post_init__(self) -> None:
        self.progress.batches_per_epoch = 1
        self.progress.examples_per_epoch = len(self.labels)

    @property
    def last_round(self) -> int:
        """The round that nothing follows, as far as that is known."""
        limit = most_epochs(self.policies)
        return self.model.rounds if limit is None else min(self.model.rounds, limit)

    def go_on(self, checkpointing: RoundsCheckpointing) -> str:
        return fit(self, checkpointing)

    def listen(self, tell: Tell) -> None:
        self.tell = tell

    def take_best(self) -> None:
        if self.best is not None:
            self.model.keep_rounds(int(self.best["updates"]))

    @property
    def layout(self) -> Layout:
        return [(name, list(array.shape)) for name, array in self.model.arrays().items()]

    def arrays(self) -> dict[str, Array]:
        return self.model.arrays()

    def restore(self, tensors: Mapping[str, np.ndarray], layout: Layout) -> bool:
        if {name: list(shape) for name, shape in layout} != {name: list(a.shape) for name, a in tensors.items()}:
            return False
        try:
            self.model.restore(dict(tensors))
        except ShapeError:
            return False
        return True

    def refuse_what_is_not_finite(self) -> None:
        for name, array in self.model.arrays().items():
            if array.dtype.kind == "f" and not bool(array_module(array).isfinite(array).all()):
                raise DivergedError(
                    f"{name} of the fitted model is not all finite numbers (round {self.progress.epoch})"
                )


def fit(t: Fitting, checkpointing: RoundsCheckpointing) -> str:
    """Fit round after round until there is none left or a policy ends it; return the reason.

    Raises DivergedError if what is measured is not a finite number. Goes on from wherever `t` stands.
    """

    def in_fit(what: str, done: int, most: int | None) -> None:
        t.tell(what, done, most)
        checkpointing.inside_update(t)

    def in_evaluation(what: str, done: int, most: int | None) -> None:
        t.tell(what, done, most)
        checkpointing.inside_evaluation(t)

    if t.history and t.is_measured and (reason := t.reason_to_stop()):
        return reason
    deadline = t.deadline()  # read from the whole history, so only after an evaluation
    unmeasured = [] if t.is_measured else [t.progress.updates]  # what was interrupted was its evaluation
    for done in chain(unmeasured, t.model.fit(t.x, t.labels, in_fit)):
        t.progress.epoch = t.progress.updates = done
        t.progress.examples = done * len(t.labels)
        if not _is_due(t, deadline):
            checkpointing.after_round(t)
            continue
        row = {"epoch": done, "updates": done, "examples": t.progress.examples, **t.evaluate(in_evaluation)}
        if not is_finite_row(row):
            raise DivergedError(f"what is measured of the fitted model is not a finite number (round {done})")
        t.history.append(row)
        checkpointing.after_evaluation(t)
        if reason := t.reason_to_stop():
            return reason
        deadline = t.deadline()
    return f"fitted: {t.model.rounds:,} round{'s' * (t.model.rounds != 1)} done"


def _is_due(t: Fitting, deadline: Deadline | None) -> bool:
    """Tell whether the model is to be measured after the round that it has done."""
    done = t.progress.updates
    is_last = done >= t.last_round or (deadline is not None and done >= deadline.updates) or t.is_out_of_time
    return done % t.evaluate_every == 0 or is_last
