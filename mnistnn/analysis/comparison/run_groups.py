"""What several runs measured along training, gathered to be shown together.

A run that cannot be read does not keep the others from being shown: it is named with the reason. Runs whose
configurations differ in the seed alone are one group.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from mnistnn.analysis.comparison.config_differences import differing_keys, experiment_of, value_text
from mnistnn.config.diff import ABSENT
from mnistnn.config.dump import config_hash
from mnistnn.errors import MnistnnError, RunError
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory, all_runs, find
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import RunRecord, read_record
from mnistnn.run.status import best_of
from mnistnn.types import History, Row

_KEYS_SAID, _CHARACTERS_SAID = 3, 32  # of what sets a group apart


@dataclass(frozen=True)
class Gathered:
    """One run.

    config   its resolved configuration
    rows     its evaluations so far, one at least
    best     the row of its best epoch by its own measure, if there is one
    seconds  the time spent training until each row; None if timing.jsonl does not have them all
    """

    run: RunDirectory
    record: RunRecord
    config: dict[str, Any]
    rows: History
    best: Row | None
    seconds: Sequence[float] | None


@dataclass(frozen=True)
class Unreadable:
    """What was asked for and cannot be shown, with the reason."""

    reference: str
    problem: str


@dataclass(frozen=True)
class Group:
    """Runs of one experiment, in the order in which they were asked for, and what it is called among the others."""

    label: str
    runs: list[Gathered]


def gather(references: Iterable[str], runs: Path) -> tuple[list[Gathered], list[Unreadable]]:
    """Read each run that is named by path, start of its id, `latest`, or the folder that it lies in, once.

    Raises RunError, with all reasons, if none can be read.
    """
    found: dict[Path, Gathered] = {}
    problems: list[Unreadable] = []
    for reference in references:
        try:
            directories = _directories(reference, runs)
        except MnistnnError as error:
            problems.append(Unreadable(reference, str(error)))
            continue
        for directory in directories:
            place = directory.path.resolve()
            if place in found:
                continue
            try:
                found[place] = _read(directory)
            except MnistnnError as error:
                problems.append(Unreadable(str(directory.path), str(error)))
    if not found:
        raise RunError("; ".join(each.problem for each in problems) or "no runs")
    return list(found.values()), problems


def _directories(reference: str, runs: Path) -> list[RunDirectory]:
    """Return the run that is named, or all runs in the folder that is."""
    folder = Path(reference)
    if folder.is_dir() and not (folder / "run.json").exists():
        inside = all_runs(folder)
        if not inside:
            raise RunError(f"{reference}: neither a run directory nor a folder of runs: there is no run.json")
        return inside
    return [find(reference, runs)]


def _read(run: RunDirectory) -> Gathered:
    record, config = read_record(run), load_run_config(run).resolved
    rows = read_rows(run.metrics)
    if not rows:
        raise RunError(f"{run.path}: no evaluation yet")
    return Gathered(run, record, config, rows, best_of(rows, record), _seconds(run, rows))


def _seconds(run: RunDirectory, rows: History) -> list[float] | None:
    """Return the seconds of training until each row. What was timed twice, around a resume, counts as it was last."""
    took = {row["epoch"]: row["seconds"] for row in read_rows(run.timing) if "seconds" in row}
    if any(row["epoch"] not in took for row in rows):
        return None
    return list(accumulate(took[row["epoch"]] for row in rows))


def grouped(gathered: Sequence[Gathered]) -> list[Group]:
    """Put runs that differ in their seed alone together, and name the groups apart.

    A group is called like its experiment; groups of one name also by the values in which these differ.
    """
    members: dict[str, list[Gathered]] = {}
    for each in gathered:
        members.setdefault(config_hash(experiment_of(each.config)), []).append(each)
    groups = list(members.values())
    namesakes: dict[str, list[Gathered]] = {}
    for group in groups:
        namesakes.setdefault(group[0].record.name, []).append(group[0])
    return [Group(_label(group[0], namesakes[group[0].record.name]), group) for group in groups]


def _label(one: Gathered, namesakes: list[Gathered]) -> str:
    """Return the name of an experiment, with its values of all keys in which its namesakes differ."""
    place = namesakes.index(one)
    said = [_said(key, values[place]) for key, values in differing_keys([each.config for each in namesakes])]
    if not said:
        return one.record.name
    rest = ", …" if len(said) > _KEYS_SAID else ""
    return f"{one.record.name} ({', '.join(said[:_KEYS_SAID])}{rest})"


def _said(key: str, value: Any) -> str:
    return f"no {key}" if value is ABSENT else f"{key}={value_text(value, _CHARACTERS_SAID)}"
