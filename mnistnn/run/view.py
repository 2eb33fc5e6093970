"""How a run stands, as read: what every command that shows, compares or follows runs begins with."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mnistnn.errors import RunError
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import RowsRead, best_of, read_on, read_rows
from mnistnn.run.record import RunRecord, read_record
from mnistnn.run.under_way import UPDATES, UnderWay, read_under_way
from mnistnn.storage.inside import file_in, folder_in
from mnistnn.storage.reading import MAX_JSON_BYTES, read_own_file
from mnistnn.types import History, Row

if TYPE_CHECKING:
    from mnistnn.config.load import LoadedExperiment
    from mnistnn.run.columns import Columns

T = TypeVar("T")

DEAD = "dead (resumable)"
UNREADABLE = "unreadable"


class RunView:
    """A run as it stands, lazily: each of its files is read once, when something in it is first asked for.

    A view keeps to what it has read; of a run that is trained meanwhile, `run/live.py` makes new ones. Attributes raise
    RunError if their file is missing, torn or altered.

    run       its directory
    was_held  whether a process held its lock before anything was read; only who waits for its end needs to know
    """

    def __init__(self, run: RunDirectory, was_held: bool = False) -> None:
        self.run, self._was_held, self._is_dead = run, was_held, False
        self._metrics_state: os.stat_result | None = None  # when the rows were read
        self._rows_read: RowsRead | None = None
        self._earlier: RunView | None = None  # whose rows may be the first of this one
        self._earlier_columns: Columns | None = None
        self._earlier_best: Row | None = None
        self._of_configuration: dict[str, Any] = {}

    @cached_property
    def record(self) -> RunRecord:
        """The content of run.json."""
        record = read_record(self.run)
        if record.status == "running" and not lock.is_held(self.run):
            # It may have ended, as it should, between the reading of its record and the look at its lock.
            record = read_record(self.run)
            self._is_dead = record.status == "running"
        return record

    @property
    def status(self) -> str:
        """The recorded status, but `dead (resumable)` for a run whose process is gone without a word."""
        recorded = self.record.status
        return DEAD if self._is_dead else recorded

    @property
    def standing(self) -> str:
        """The status, also of a run whose files cannot be read."""
        return UNREADABLE if self.problem else self.status

    @property
    def is_over(self) -> bool:
        """Whether no process trains it, nor did when it was asked whether the lock is held."""
        return not self._was_held and self.status != "running"

    @cached_property
    def rows(self) -> History:
        """Its evaluations so far, without a last one that is still being written."""
        _ = self.record  # before the rows: none is missing if it tells of an end
        self._metrics_state = _state_of(self.run.metrics)  # so too: what is written after that counts as a change
        earlier, self._earlier = self._earlier, None
        self._rows_read = read_on(self.run.metrics, None if earlier is None else earlier._rows_read)
        if earlier is not None and self._rows_read.taken:
            self._earlier_columns = vars(earlier).get("columns")
            if earlier.record.monitor == self.record.monitor:
                self._earlier_best = vars(earlier).get("best")
        return self._rows_read.rows

    @cached_property
    def columns(self) -> "Columns":
        """The columns of its rows, as arrays."""
        from mnistnn.run.columns import Columns

        rows = self.rows  # first: it tells whether they go on from earlier ones
        earlier, self._earlier_columns = self._earlier_columns, None
        return Columns(rows, earlier)

    @property
    def last(self) -> Row | None:
        """The newest evaluation."""
        return self.rows[-1] if self.rows else None

    @property
    def epochs(self) -> int:
        """How many epochs were completed by the newest evaluation."""
        return int(self.last["epoch"]) if self.last else 0

    @cached_property
    def best(self) -> Row | None:
        """The row of its best epoch by its own measure, if there is one."""
        rows = self.rows  # first: it tells which of them an earlier view has seen
        if self._earlier_best is not None and self._rows_read is not None:
            rows = [self._earlier_best, *rows[self._rows_read.taken :]]
        return best_of(rows, self.record.monitor)

    @cached_property
    def under_way(self) -> UnderWay | None:
        """How far it has come since its newest evaluation, as far as it tells; None if no process trains it."""
        if self.status != "running":
            return None
        seen = self.last.get("updates", 0) if self.last else 0  # before the file is read, which may be older than that
        found = read_under_way(self.run)
        if found is None or found.part:
            return found
        is_new = found.updates > seen or (found.updates == seen and found.counted != UPDATES)
        return found if is_new else None

    @cached_property
    def seconds(self) -> Sequence[float] | None:
        """The time spent training until each row; None if timing.jsonl does not have them all.

        What was timed twice, around a resume, counts as it was last.
        """
        epochs = [row["epoch"] for row in self.rows]
        took = {row["epoch"]: row["seconds"] for row in read_rows(self.run.timing) if "seconds" in row}
        return list(accumulate(took[epoch] for epoch in epochs)) if took.keys() >= set(epochs) else None

    @property
    def evaluated_s(self) -> float | None:
        """When the last row was written, in seconds since the epoch of the system's clock; None without a row."""
        return self._metrics_state.st_mtime if self.rows and self._metrics_state else None

    @cached_property
    def loaded(self) -> "LoadedExperiment":
        """Its configuration, held to the digest in its record."""
        # Imported here, as below: listing runs needs neither YAML nor arrays, whose libraries take time to load.
        from mnistnn.run.config import load_run_config

        return load_run_config(self.run, record=self.record)

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its configuration as plain data, with every default written out."""
        return self.loaded.resolved

    def of_configuration(self, name: str, make: Callable[[], T]) -> T:
        """Return what is made of its configuration alone: once for all views in which that is the same."""
        if name not in self._of_configuration:
            self._of_configuration[name] = make()
        found: T = self._of_configuration[name]
        return found

    @cached_property
    def config_and_code(self) -> dict[str, Any]:
        """The same, and beside it the digests of the code that it was trained with: what it is compared by."""
        digests = {name.removesuffix(".py"): digest[:12] for name, digest in self.loaded.plugins.digests.items()}
        return self.config | {"code": digests} if digests else self.config

    @cached_property
    def overrides(self) -> list[str]:
        """What the command line changed in the experiment's file when the run was started: KEY=VALUE each."""
        try:
            text = read_own_file(file_in(self.run.source, "overrides.txt"), MAX_JSON_BYTES).decode(errors="replace")
        except RunError:
            return []
        return [line for line in text.splitlines() if "=" in line]

    @cached_property
    def phases(self) -> "list[RunView]":
        """The runs of layers that learned before, in order."""
        names = sorted(record.parent.name for record in self.run.phases.glob("*/run.json"))
        return [RunView(RunDirectory(folder_in(self.run.phases, name))) for name in names]

    @cached_property
    def checkpoints(self) -> list[Path]:
        """The files of its checkpoints, newest first."""
        from mnistnn.run.checkpoint import newest_first

        return newest_first(self.run.checkpoints)

    @cached_property
    def problem(self) -> str | None:
        """Why its record or its rows cannot be read; None if they can."""
        try:
            _ = self.record, self.rows
        except RunError as error:
            return str(error)
        return None

    def take_unchanged(self, before: "RunView") -> None:
        """Take from an earlier view what has not changed since: configuration, rows, and what was made of these."""
        if self.record.config_hash == before.record.config_hash and "loaded" in vars(before):
            self.loaded, self._of_configuration = before.loaded, before._of_configuration
        now, then = _state_of(self.run.metrics), before._metrics_state
        if now is not None and then is not None and _version(now) == _version(then):
            self.rows, self._metrics_state, self._rows_read = before.rows, now, before._rows_read
            same = ("columns", "best") if self.record.monitor == before.record.monitor else ("columns",)
            vars(self).update({name: vars(before)[name] for name in same if name in vars(before)})
        elif "rows" in vars(before):
            self._earlier = before


def open_run(run: RunDirectory, overrides: Sequence[str] = ()) -> RunView:
    """Return a run whose record and configuration were read; the latter is changed by `overrides`.

    Raises RunError if they cannot be read or do not belong together, ConfigError for an override that does not fit.
    """
    from mnistnn.config.load import overridden

    view = RunView(run)
    loaded = view.loaded
    if overrides:
        view.loaded = overridden(loaded, overrides)
    return view


def _state_of(path: Path) -> os.stat_result | None:
    with suppress(OSError):  # it may not be there yet
        return os.stat(path)
    return None


def _version(state: os.stat_result) -> tuple[int, ...]:
    """Return what is not the same any more once a file was replaced or written to."""
    return state.st_ino, state.st_size, state.st_mtime_ns
