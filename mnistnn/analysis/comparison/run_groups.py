"""Several runs, loaded to be shown together.

A run that cannot be read does not keep the others from being shown: it is named with the reason. Runs whose
configurations differ in the seed alone are one group.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistnn.analysis.comparison.config_differences import differing_keys, experiment_of, value_text
from mnistnn.config.diff import ABSENT
from mnistnn.config.dump import config_hash
from mnistnn.errors import MnistnnError, RunError
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.finding import find
from mnistnn.run.view import RunView

_KEYS_SAID, _CHARACTERS_SAID = 3, 32  # of what sets a group apart


@dataclass(frozen=True)
class Unreadable:
    """A run that was requested and cannot be shown, with the reason."""

    reference: str
    problem: str


@dataclass(frozen=True)
class Group:
    """Runs of one experiment, in the order in which they were asked for, and what it is called among the others."""

    label: str
    runs: list[RunView]


def load_runs(
    references: Iterable[str], runs: Path, unfinished: bool = False
) -> tuple[list[RunView], list[Unreadable]]:
    """Read each run that is named by path, start of its id, `latest`, or the folder that it lies in, once.

    Each has one evaluation at least. Of the runs of a folder those that are not finished are left out, with a reason
    like what cannot be read, unless the `unfinished` are asked for. Raises RunError, with all reasons, if none is left.
    """
    found: dict[Path, RunView] = {}
    problems: list[Unreadable] = []
    for reference in references:
        try:
            directories, is_folder = _directories(reference, runs)
        except MnistnnError as error:
            problems.append(Unreadable(reference, str(error)))
            continue
        for directory in directories:
            place = directory.path.resolve()
            if place in found:
                continue
            try:
                view = RunView(directory)
                if is_folder and not unfinished and view.record.status != "finished":
                    problems.append(Unreadable(str(directory.path), _not_finished(view)))
                    continue
                found[place] = read_history(view)
            except MnistnnError as error:
                problems.append(Unreadable(str(directory.path), str(error)))
    if not found:
        raise RunError("; ".join(each.problem for each in problems) or "no runs")
    return list(found.values()), problems


def _not_finished(view: RunView) -> str:
    return f"{view.run.path}: is {view.status}, not finished; --unfinished takes it in"


def _directories(reference: str, runs: Path) -> tuple[list[RunDirectory], bool]:
    """Return the run that is named, or all runs in the folder that is, and whether it is a folder."""
    folder = Path(reference)
    if folder.is_dir() and not (folder / "run.json").exists():
        inside = all_runs(folder)
        if not inside and (runs / reference).is_dir():
            return [find(reference, runs)], False
        if not inside:
            raise RunError(f"{reference}: neither a run directory nor a folder of runs: there is no run.json")
        return inside, True
    return [find(reference, runs)], False


def read_history(view: RunView) -> RunView:
    """Return a run once everything was read that shows it along training.

    Raises RunError if something is damaged, or there is no evaluation yet, ConfigError if its configuration is invalid.
    """
    _ = view.record, view.loaded
    if not view.rows:
        raise RunError(f"{view.run.path}: no evaluation yet")
    _ = view.seconds
    return view


def grouped(views: Sequence[RunView]) -> list[Group]:
    """Put runs that differ in their seed alone together, and name the groups apart.

    A group is called like its experiment; groups of one name also by the values in which these differ.
    """
    members: dict[str, list[RunView]] = {}
    for each in views:
        members.setdefault(config_hash(experiment_of(each.config_and_code)), []).append(each)
    groups = list(members.values())
    namesakes: dict[str, list[RunView]] = {}
    for group in groups:
        namesakes.setdefault(group[0].record.name, []).append(group[0])
    labels = {id(one): label for each in namesakes.values() for one, label in zip(each, _labels(each), strict=True)}
    return [Group(labels[id(group[0])], group) for group in groups]


def _labels(namesakes: list[RunView]) -> list[str]:
    """Return the name that experiments share, each with its values of all keys in which they differ."""
    name = namesakes[0].record.name
    keys = differing_keys([each.config_and_code for each in namesakes])
    if not keys:
        return [name] * len(namesakes)
    rest = ", …" if len(keys) > _KEYS_SAID else ""
    said = ([_said(key, values[place]) for key, values in keys[:_KEYS_SAID]] for place in range(len(namesakes)))
    return [f"{name} ({', '.join(each)}{rest})" for each in said]


def _said(key: str, value: Any) -> str:
    return f"no {key}" if value is ABSENT else f"{key}={value_text(value, _CHARACTERS_SAID)}"
