"""The runs that the page lists: those of a folder, or those that were named, each by an id that is no path."""

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

from mnistnn.errors import MnistnnError
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.live import current_view
from mnistnn.run.view import RunView

_DIGITS = 12  # of an id


def id_of(run: RunDirectory) -> str:
    """Return what a run is called in addresses: the beginning of the SHA-256 of its path."""
    return hashlib.sha256(str(run.path.resolve()).encode(errors="surrogateescape")).hexdigest()[:_DIGITS]


class Listing:
    """Any thread may ask. What a run has not changed since it was last asked for is not read again.

    runs    the folder whose runs are listed, as they come and go
    chosen  these alone, if there are any
    """

    def __init__(self, runs: Path, chosen: Sequence[RunDirectory] = ()) -> None:
        self._runs, self._chosen = runs, list(chosen)
        self._seen: dict[str, RunView] = {}
        self._lock = threading.Lock()

    def ids(self) -> dict[str, RunDirectory]:
        """Return the runs that there are now by their ids, the one that began last first."""
        runs = self._chosen or all_runs(self._runs)
        return {id_of(run): run for run in sorted(runs, key=lambda run: run.path.name, reverse=True)}

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
            before = self._seen.get(run_id)
        try:
            view = current_view(run, before)
        except MnistnnError:
            return RunView(run)
        with self._lock:
            self._seen[run_id] = view
        return view
