"""What of the course is done: which experiments have a finished run."""

import re
from collections.abc import Iterable
from pathlib import Path

from mnistnn.config.examples import example_path
from mnistnn.config.load import load_experiment
from mnistnn.errors import RunError
from mnistnn.run.directory import all_runs
from mnistnn.run.record import read_record

_NAME = re.compile(r"^name: *([A-Za-z0-9._-]+) *(?:#.*)?$", re.MULTILINE)


def finished(names: Iterable[str], runs: Path) -> dict[str, Path]:
    """Return those experiments of mnistnn that have a finished run in a folder, and the newest such run.

    A run belongs to an experiment if it has its name, as everywhere on the command line. Runs that cannot be read are
    none.
    """
    by_name = _finished_runs(runs)
    if not by_name:
        return {}
    found = {}
    for name in names:
        path = example_path(name)
        if path is not None and (run := by_name.get(name_in(path))) is not None:
            found[name] = run
    return found


def name_in(path: Path) -> str:
    """Return the name that an experiment gives to its runs. Most files say it in a line, and need not be loaded."""
    said = _NAME.search(path.read_text(encoding="utf-8"))
    return said[1] if said else load_experiment(path).experiment.name


def _finished_runs(runs: Path) -> dict[str, Path]:
    """Return the newest finished run of each name. Their folders begin with the date."""
    found = {}
    for run in all_runs(runs):
        try:
            record = read_record(run)
        except RunError:
            continue
        if record.status == "finished":
            found[record.name] = run.path
    return found
