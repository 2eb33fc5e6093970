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
from mnistnn.web.brief import Brief, brief_of, may_run

_DIGITS = 12  # of an id
_MOST_ROWS_KEPT = 200_000
"""Rows of all runs that are kept: about 200 MB. What else is asked for is read again."""
_ROWS_OF_A_RECORD = 20  # so much memory as rows do, a record and a configuration take
_LOOKED_AT = ("run.json", "metrics.jsonl", "progress.json", "checkpoints")

Version = tuple[object, ...]


def id_of(run: RunDirectory) -> str:
    """Return what a run is called in addresses: the beginning of the SHA-256 of its path."""
    return hashlib.sha256(str(run.path.resolve()).encode(errors="surrogateescape")).hexdigest()[:_DIGITS]


class NotListedError(LookupError):
    """There is no run of this id."""


class Listing:
    """Any thread may ask. Of a run in which nothing has changed since, what is told is that of before.

    runs    the folder whose runs are listed, as they come and go
    chosen  these alone, if there are any
    """

    def __init__(self, runs: Path, chosen: Sequence[RunDirectory] = ()) -> None:
        self._runs, self._chosen = runs, list(chosen)
        self._listed: dict[str, RunDirectory] = {}
        self._ids: dict[Path, str] = {}
        self._briefs: dict[str, tuple[Version, Brief]] = {}
        self._views: dict[str, tuple[Version, RunView]] = {}  # what was asked for last is the last
        self._rows_kept = 0
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where runs are looked for."""
        return self._runs

    def sweeps(self) -> list[Path]:
        """Return the folders of sweeps there, whose trials are not listed; none if runs were chosen."""
        if self._chosen:
            return []
        return sorted(
            study.parent for pattern in ("*/study.json", "*/*/study.json") for study in self._runs.glob(pattern)
        )

    def ids(self) -> dict[str, RunDirectory]:
        """Return the runs that there are now by their ids; by the names of their folders, the last first."""
        runs = sorted(self._chosen or all_runs(self._runs), key=lambda run: run.path.name, reverse=True)
        with self._lock:
            self._ids = {run.path: self._ids.get(run.path) or id_of(run) for run in runs}
            self._listed = {self._ids[run.path]: run for run in runs}
            for run_id in (self._briefs.keys() | self._views.keys()) - self._listed.keys():
                self._briefs.pop(run_id, None)
                self._forget(run_id)
            return self._listed

    def briefs(self) -> dict[str, Brief]:
        """Return in a few words how each run stands now: the one that began last first, what cannot be read last."""
        found = [self._brief(run_id, run) for run_id, run in self.ids().items()]
        return {brief.id: brief for brief in sorted(found, key=lambda brief: brief.began_s, reverse=True)}

    def find(self, run_id: str, /) -> RunView:
        """Return how a run stands now; of one that cannot be read, a view that says why (`RunView.problem`).

        Raises NotListedError for an id that is not listed.
        """
        return self.find_all([run_id])[0]

    def find_all(self, run_ids: Sequence[str]) -> list[RunView]:
        """Return how several runs stand now. Raises NotListedError for an id that is not listed."""
        with self._lock:
            listed = self._listed
        if not all(run_id in listed and listed[run_id].path.is_dir() for run_id in run_ids):
            listed = self.ids()  # hundreds of folders may have to be looked into for that
        if not all(run_id in listed for run_id in run_ids):
            raise NotListedError
        return [self._view(run_id, listed[run_id])[1] for run_id in run_ids]

    def _brief(self, run_id: str, run: RunDirectory) -> Brief:
        with self._lock:
            version_then, brief = self._briefs.get(run_id, (None, None))
        if brief is not None and _version(run, brief.may_run) == version_then:
            return brief
        version, view = self._view(run_id, run)
        brief = brief_of(run_id, view)
        with self._lock:
            self._briefs[run_id] = version, brief
        return brief

    def _view(self, run_id: str, run: RunDirectory) -> tuple[Version, RunView]:
        with self._lock:
            version_then, before = self._views.get(run_id, (None, None))
        # Before anything is read: what is written after that counts as a change.
        version = _version(run, before is None or may_run(before))
        if before is None or version != version_then:
            try:
                view = current_view(run, before)
            except MnistnnError:
                view = RunView(run)
                _ = view.problem
            version = version if may_run(view) else (*version[:-1], None)
        else:
            view = before
        self._keep(run_id, version, view)
        return version, view

    def _keep(self, run_id: str, version: Version, view: RunView) -> None:
        """Keep a view, and forget those that were not asked for for the longest time if all have too many rows."""
        with self._lock:
            self._forget(run_id)
            self._views[run_id] = version, view
            self._rows_kept += _rows_of(view)
            while self._rows_kept > _MOST_ROWS_KEPT and len(self._views) > 1:
                self._forget(next(iter(self._views)))

    def _forget(self, run_id: str) -> None:
        if run_id in self._views:
            self._rows_kept -= _rows_of(self._views.pop(run_id)[1])


def _rows_of(view: RunView) -> int:
    """Return a measure of the memory that a view takes."""
    return _ROWS_OF_A_RECORD + (0 if view.problem is not None else len(view.rows))


def _version(run: RunDirectory, asks_lock: bool) -> Version:
    """Return what is not the same any more once something has changed that a view tells.

    asks_lock  whether it matters that a process holds the lock: not where run.json says that training has ended
    """
    states: list[object] = []
    for name in _LOOKED_AT:
        try:
            state = os.stat(os.path.join(run.path, name))
        except OSError:
            states.append(None)
        else:
            states.append((state.st_ino, state.st_size, state.st_mtime_ns))
    return (*states, lock.is_held(run) if asks_lock else None)
