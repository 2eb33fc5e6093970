"""What lists and events say of a run: little enough to be kept of all runs."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mnistnn.errors import MnistnnError
from mnistnn.run.view import RunView
from mnistnn.web.bar import Bar, bar_of


@dataclass(frozen=True)
class Brief:
    """A run in a few words. Of one that cannot be read, `problem` says why, and what is not known is empty.

    path         the name of its folder
    may_run      whether it is recorded as running, or that is not known
    rows         how many evaluations it has
    checkpoints  how many are kept
    """

    id: str
    path: str
    standing: str
    problem: str | None
    may_run: bool = True
    name: str = ""
    began: str = ""
    epochs: int = 0
    rows: int = 0
    checkpoints: int = 0
    best: str = ""
    bar: Bar | None = None

    @property
    def began_s(self) -> float:
        """When it began, in seconds since the epoch of the system's clock; 0 if that is not known."""
        try:
            return datetime.fromisoformat(self.began).timestamp()
        except (ValueError, OverflowError, OSError):
            return 0.0

    @property
    def started(self) -> str:
        """When it began, to the minute."""
        return self.began[:16].replace("T", " ")


def brief_of(run_id: str, view: RunView) -> Brief:
    """Return what is said of a run, whether its files can be read or not."""
    if view.problem is not None:
        return Brief(run_id, view.run.path.name, view.standing, view.problem)
    checkpoints = 0
    with suppress(MnistnnError):
        checkpoints = len(view.checkpoints)
    return Brief(
        id=run_id,
        path=view.run.path.name,
        standing=view.standing,
        problem=None,
        may_run=may_run(view),
        name=view.record.name,
        began=view.record.started,
        epochs=view.epochs,
        rows=len(view.rows),
        checkpoints=checkpoints,
        best=_best(view),
        bar=bar_of(view),
    )


def may_run(view: RunView) -> bool:
    """Tell whether a run is recorded as running, or it cannot be read what is recorded."""
    return view.problem is not None or view.record.status == "running"


def _best(view: RunView) -> str:
    if view.best is None or view.record.monitor not in view.best:
        return ""
    value, metric = view.best[view.record.monitor], view.record.monitor
    return f"{metric} {100 * value:.2f} %" if metric.endswith("error") else f"{metric} {value:.4g}"
