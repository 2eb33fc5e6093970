"""Finding a run by what people call it: a path, the start of an id, the name of an experiment, `latest`."""

import os
import re
from datetime import datetime
from pathlib import Path

from mnistnn.errors import RunError, did_you_mean
from mnistnn.run import latest
from mnistnn.run.directory import LATEST, RunDirectory, all_runs
from mnistnn.run.record import read_record

_NAME = re.compile(r"[\w.-]{1,200}")  # of an experiment, which is that of the folder of its runs


def _newest_in(folder: Path) -> RunDirectory | None:
    """Return the run in an experiment's folder that was begun last; None if there is none."""
    inside = [RunDirectory(path.parent) for path in folder.glob("*/run.json") if path.parent.name != LATEST]
    return max(inside, key=_begun) if inside else None


def _begun(run: RunDirectory) -> tuple[float, int, str]:
    """Return what orders runs by when they were begun: in whole seconds, by their files within one."""
    try:
        started = datetime.fromisoformat(read_record(run).started).timestamp()
    except (RunError, ValueError):
        started = 0.0
    try:
        written = run.config.stat().st_mtime_ns
    except OSError:
        written = 0
    return started, written, run.path.name


def find(reference: str, runs: Path) -> RunDirectory:
    """Find a run by its path, by `latest`, by a unique prefix of its id, or by the folder or name of its experiment,
    which mean the newest run there. Raises RunError saying what was tried.
    """
    path = latest.target_of(runs) if reference == LATEST else Path(reference)
    if os.path.isdir(path):
        run = RunDirectory(path)
        if run.record.is_file():
            return run
        if (newest := _newest_in(path)) is not None:
            return newest
        if not (_NAME.fullmatch(reference) and os.path.isdir(runs / reference)):  # whose name another folder may have
            raise RunError(f"{path} is not a run directory: it has no run.json")
    if reference == LATEST:
        raise RunError(f"there is no latest run in {runs}")
    candidates = all_runs(runs)
    matches = [run for run in candidates if run.path.name == reference] or [
        run for run in candidates if run.path.name.startswith(reference)
    ]
    if len(matches) == 1:
        return matches[0]
    if _NAME.fullmatch(reference) and (newest := _newest_in(runs / reference)) is not None:
        return newest
    if matches:
        names = ", ".join(str(run.path.relative_to(runs)) for run in matches[:5])
        more = ", …" if len(matches) > 5 else ""
        raise RunError(f"'{reference}' names {len(matches)} runs in {runs}: {names}{more}")
    known = {LATEST, *(run.path.parent.name for run in candidates), *(run.path.name for run in candidates)}
    meant = Path(reference).stem if reference.endswith((".yaml", ".yml")) else reference
    hint = did_you_mean(meant, known, before="; ")
    raise RunError(f"no run named '{reference}': neither a folder nor the start of a run id in {runs}{hint}")
