"""Runs that are there already."""

from pathlib import Path

from mnistnn.api.run import Run
from mnistnn.run.directory import LATEST, all_runs
from mnistnn.run.finding import find


def load(reference: str | Path = LATEST, runs: str | Path = "runs", checkpoint: str | Path = "best") -> Run:
    """Find a run. Nothing of it is read before it is asked for.

    reference   a path, the start of a run's id, the name of an experiment, which means its newest run, or latest
    runs        the folder of all runs
    checkpoint  whose parameters: those of the best epoch, the last ones, or a checkpoint file's

    Raises RunError, which says what was tried, if there is no such run.

    >>> trained = mnistnn.train("lines.yaml", quiet=True)
    >>> mnistnn.load("latest").id == mnistnn.load("lines").id == trained.id
    True
    """
    return Run(find(str(reference), Path(runs)).path, checkpoint, runs)


def runs(folder: str | Path = "runs") -> list[Run]:
    """Return all runs in a folder, and in the folders there, the oldest first: what `mnistnn ls` lists.

    One that cannot be read is there too, with the status unreadable.

    >>> first, second = mnistnn.train("lines.yaml", quiet=True), mnistnn.train("lines.yaml", seed=1, quiet=True)
    >>> {run.seed: run.status for run in mnistnn.runs("runs")} == {0: "finished", 1: "finished"}
    True
    """
    return [Run(found.path, runs=folder) for found in all_runs(Path(folder))]
