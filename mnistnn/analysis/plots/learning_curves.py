"""Learning curves: which metrics of which runs are drawn in which panel, and where the best epoch is.

How that looks is the business of `learning_curves_figure.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from mnistnn.analysis.comparison.curves import Axis, Band, band, check_metrics, metrics_of
from mnistnn.analysis.comparison.run_groups import Group, Unreadable, grouped
from mnistnn.config.messages import shorten
from mnistnn.errors import UsageError
from mnistnn.run.metrics import COLUMNS
from mnistnn.run.view import RunView
from mnistnn.types import LAST, is_percent

_DEFAULT_PANELS = {
    "error": ("train.error", "valid.error"),
    "loss": ("train.loss", "valid.loss"),
}
_TRAINING = "training"
_SPLITS = {"train": _TRAINING, "valid": "validation"}
_NAMES = {"learning_rate": "learning rate", "theta.norm": "norm of the parameters"}
_LONGEST_NAME = 40  # of a metric, on an axis
_LARGEST = 1e100  # number that is drawn; the squares of larger ones may have no end
_IN_NATS = "_nll"  # ends the types of losses that are negative logarithms of probabilities


@dataclass(frozen=True, eq=False)
class Line:
    """One metric of one group.

    group  the number of the group
    split  training, validation, or empty for what belongs to neither
    best   (x, y) at the best epoch of the group, if that is to be marked
    """

    group: int
    split: str
    band: Band
    best: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class Panel:
    """Lines on common axes.

    axis        what they are drawn along
    is_percent  the metrics are fractions, to be shown in percent
    from_zero   they cannot be negative, and zero is what they should come to
    """

    axis: Axis
    y_label: str
    lines: list[Line]
    is_percent: bool
    from_zero: bool


@dataclass(frozen=True, eq=False)
class LearningCurves:
    """Everything that is drawn.

    groups   (label, number of runs) of each group
    monitor  in words, the metric whose lowest value marks the best epoch; empty if the groups differ in it
    """

    panels: list[Panel]
    groups: list[tuple[str, int]]
    monitor: str

    def called(self, labels: Sequence[str]) -> "LearningCurves":
        """Return the same with other labels of the groups. Raises UsageError if their number is not that of groups."""
        if len(labels) != len(self.groups):
            there = ", ".join(label for label, _ in self.groups)
            raise UsageError(f"--label: {len(labels)} given for {len(self.groups)} experiment(s), in order: {there}")
        return replace(self, groups=[(said, runs) for said, (_, runs) in zip(labels, self.groups, strict=True)])


def learning_curves(
    views: Sequence[RunView], metrics: Sequence[str], axes: Sequence[Axis]
) -> tuple[LearningCurves, list[Unreadable]]:
    """Return what is drawn of runs, and those that have nothing to be drawn, with the reason.

    Along each of `axes` there is a panel for each of `metrics`; without any, one of the errors and one of the losses,
    as far as there are such metrics. Raises UsageError for a metric that no run has, and if nothing is left.
    """
    check_metrics(metrics, metrics_of(views))
    named = [(name,) for name in dict.fromkeys(metrics)] or _default_panels(views)
    wanted = [name for panel in named for name in panel]
    axes = list(dict.fromkeys(axes))
    left, without = _with_something_to_draw(views, wanted, axes)
    if not left:
        raise UsageError("; ".join(each.problem for each in without))
    groups = grouped(left)
    panels = [panel for axis in axes for names in named if (panel := _panel(names, groups, axis)) is not None]
    monitors = {group.runs[0].record.monitor for group in groups}
    monitor = in_words(monitors.pop()) if len(monitors) == 1 else ""
    return LearningCurves(panels, [(group.label, len(group.runs)) for group in groups], monitor), without


def in_words(metric: str) -> str:
    """Return what a metric is called in a text: `validation error` for valid.error."""
    split, _, rest = metric.partition(".")
    if split in _SPLITS and rest:
        return shorten(f"{_SPLITS[split]} {rest}", _LONGEST_NAME)
    return _NAMES.get(metric, shorten(metric, _LONGEST_NAME))


def _default_panels(views: Sequence[RunView]) -> list[tuple[str, ...]]:
    there = metrics_of(views)
    panels = [found for names in _DEFAULT_PANELS.values() if (found := tuple(name for name in names if name in there))]
    if not panels:
        raise UsageError(f"no run has an error or a loss; --metric draws {', '.join(there) or 'nothing here either'}")
    return panels


def _with_something_to_draw(
    views: Sequence[RunView], metrics: Sequence[str], axes: Sequence[Axis]
) -> tuple[list[RunView], list[Unreadable]]:
    left, without = [], []
    for each in views:
        problem = None
        lost = [
            axis
            for axis in axes
            if axis != "seconds" and not all(COLUMNS.get(axis, "epoch") in row for row in each.rows)
        ]
        if "seconds" in axes and each.seconds is None:
            problem = "timing.jsonl does not have the seconds of all evaluations"
        elif lost:
            problem = f"metrics.jsonl does not have the {lost[0]} of all evaluations"
        elif any(
            abs(value) > _LARGEST for value in [*(each.seconds or []), *chain(*(row.values() for row in each.rows))]
        ):
            problem = f"it has numbers beyond {_LARGEST:g}"
        elif not any(name in row for row in each.rows for name in metrics):
            problem = f"it has no {' and no '.join(metrics)}"
        if problem is None:
            left.append(each)
        else:
            without.append(Unreadable(str(each.run.path), f"{each.run.path}: {problem}"))
    return left, without


def _panel(names: Sequence[str], groups: Sequence[Group], axis: Axis) -> Panel | None:
    lines = []
    splits = [_SPLITS.get(name.split(".")[0], "") for name in names]
    for number, group in enumerate(groups):
        at = _best_place(group, axis)
        for name, split in zip(names, splits, strict=True):
            found = band(group, name, axis)
            if found is None:
                continue
            # What chooses the best epoch is measured on the validation split; one star for each group is enough.
            best = None
            if at is not None and (split != _TRAINING or len(names) == 1):
                best = at, float(np.interp(at, found.x, found.mean))
            lines.append(Line(number, split, found, best))
    if not lines:
        return None
    kind = names[0].rpartition(".")[2]
    what = in_words(names[0]) if len(names) == 1 else kind
    in_percent = is_percent(names[0])
    in_nats = kind == "loss" and all(_is_in_nats(one) for group in groups for one in group.runs)
    unit = " (%)" if in_percent else " (nats)" if in_nats else ""
    return Panel(axis, what + unit, lines, in_percent, from_zero=kind in _DEFAULT_PANELS)


def _is_in_nats(one: RunView) -> bool:
    return str(one.config.get("loss", {}).get("type", "")).endswith(_IN_NATS)


def _best_place(group: Group, axis: Axis) -> float | None:
    """Return where along the axis the best epoch of a group is; None if nothing chooses one.

    It is the first with the lowest mean of what the runs monitor, among those that all of them got to: beyond, a mean
    may fall because the worse runs have ended. For a single run that is its own best epoch.
    """
    monitor = group.runs[0].record.monitor
    found = None if monitor == LAST else band(group, monitor, axis)
    if found is None:
        return None
    is_complete = found.runs == found.runs.max()
    return float(found.x[np.argmin(np.where(is_complete, found.mean, np.inf))])
