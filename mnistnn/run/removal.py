"""Removing a run: its whole directory, and the link to the newest run if that named it."""

import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from mnistnn.errors import UsageError
from mnistnn.run import latest, lock
from mnistnn.run.directory import LATEST, RunDirectory, all_runs
from mnistnn.storage.writing import resource_error

_STUDY = "study.json"  # of a sweep, in whose folder its trials lie


def refuse_removal(run: RunDirectory) -> None:
    """Raise UsageError for a run that is a part of another run or of a sweep, BusyError for one that is in use."""
    for above in run.path.resolve().parents[:2]:
        if RunDirectory(above).record.exists():
            raise UsageError(f"{run.path}: is a part of the run {above}, which would not be whole without it")
        if (above / _STUDY).exists():
            raise UsageError(f"{run.path}: is a trial of the sweep {above}; remove that folder as a whole")
    if lock.is_held(run):
        raise lock.busy(run)


def remove(run: RunDirectory, runs: Path) -> None:
    """Remove a run's directory. Raises BusyError if another process uses it, ResourceError if it cannot be removed.

    Under another name first, so that what a kill leaves behind is no run any more.
    """
    path = run.path.resolve()
    gone = path.with_name(f".{path.name}.{secrets.token_hex(4)}.removed")
    try:
        lock.rename(RunDirectory(path), gone)
    except OSError as error:
        raise resource_error(run.path, error) from error
    try:
        shutil.rmtree(gone)
    except OSError as error:
        raise resource_error(gone, error) from error
    if path.parent.parent == runs.resolve():
        with suppress(OSError):  # it holds other runs
            path.parent.rmdir()
    if latest.names_nothing(runs):
        with suppress(OSError):
            (runs / LATEST).unlink()
        left = all_runs(runs)
        if left:
            latest.point_at(left[-1], runs)
