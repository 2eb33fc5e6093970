"""The runs that the page lists: those of a folder, or those that were named, each by an id that is no path."""

import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from mnistnn.errors import MnistnnError
from mnistnn.run import lock
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.live import current_view
from mnistnn.run.view import RunView

_DIGITS = 12  # of an id
_LOOKED_AT = ("run.json", "metrics.jsonl", "progress.json", "checkpoints")

Version = tuple[object, ...]


def id_of(run: RunDirectory) -> str:
    """Return what a run is called in addresses: the beginning of the SHA-256 of its path."""
    return hashlib.sha256(str(run.path.resolve()).encode(errors="surrogateescape")).hexdigest()[:_DIGITS]


class Listing:
    """Any thread may ask. Of a run in which nothing has changed since, the view is the one of before.

    runs    the folder whose runs are listed, as they come and go
    chosen  these alone, if there are any
    """

    def __init__(self, runs: Path, chosen: Sequence[RunDirectory] = ()) -> None:
        self._runs, self._chosen = runs, list(chosen)
        self._ids: dict[Path, str] = {}
        self._seen: dict[str, tuple[Version, RunView]] = {}
        self._lock = threading.Lock()

    def ids(self) -> dict[str, RunDirectory]:
        """Return the runs that there are now by their ids, the one that began last first."""
        runs = sorted(self._chosen or all_runs(self._runs), key=lambda run: run.path.name, reverse=True)
        with self._lock:
            self._ids = {run.path: self._ids.get(run.path) or id_of(run) for run in runs}
            found = {self._ids[run.path]: run for run in runs}
            self._seen = {run_id: seen for run_id, seen in self._seen.items() if run_id in found}
        return found

    def views(self) -> dict[str, RunView]:
        """Return how each run stands now; of one that cannot be read, a view that says why (`RunView.problem`)."""
        return {run_id: self._view(run_id, run) for run_id, run in self.ids().items()}

    def find(self, run_id: str, /) -> RunView:
        """Return how a run stands now. Raises LookupError for an id that is not listed."""
        return self.find_all([run_id])[0]

    def find_all(self, run_ids: Sequence[str]) -> list[RunView]:
        """Return how several runs stand now. Raises LookupError for an id that is not listed."""
        listed = self.ids()
        return [self._view(run_id, listed[run_id]) for run_id in run_ids]

    def _view(self, run_id: str, run: RunDirectory) -> RunView:
        with self._lock:
            version_then, before = self._seen.get(run_id, (None, None))
        version = _version(run, before)  # before anything is read: what is written after that counts as a change
        if before is not None and version == version_then:
            return before
        try:
            view = current_view(run, before)
        except MnistnnError:
            view = RunView(run)
            _ = view.problem
        with self._lock:
            self._seen[run_id] = version, view
        return view


def _version(run: RunDirectory, before: RunView | None) -> Version:
    """Return what is not the same any more once something about a run has changed that a view tells."""
    states = []
    for name in _LOOKED_AT:
        try:
            state = os.stat(os.path.join(run.path, name))
        except OSError:
            states.append(None)
        else:
            states.append((state.st_ino, state.st_size, state.st_mtime_ns))
    # Who trains holds the lock, and says in run.json that it has ended, unless it was killed.
    may_run = before is None or before.problem is not None or before.record.status == "running"
    return (*states, lock.is_held(run) if may_run else None)
