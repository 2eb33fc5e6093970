"""The page: what is on it, taken from runs, and the template that it is put into.

Everything that comes from a run is escaped by the template (Jinja's autoescape), and the page forbids itself to load or
send anything, by a Content-Security-Policy that names its own style and script by their digests. Charts are laid out
here and drawn as SVG by the template; the script only shows the values under the pointer. The test split is never read.
"""

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from statistics import fmean
from typing import Any

from mnistnn import __version__
from mnistnn.analysis.comparison.config_differences import differing_keys, short_names, value_at, value_text
from mnistnn.analysis.comparison.curves import Axis, band, metrics_of, places
from mnistnn.analysis.comparison.run_groups import Group, Unreadable, grouped
from mnistnn.analysis.report.chart import Chart, Line, chart
from mnistnn.analysis.report.details import Details, details_of
from mnistnn.analysis.report.results import experiment_row, run_row
from mnistnn.analysis.report.settings import configs_of, environments_of
from mnistnn.extras import missing
from mnistnn.run.view import RunView
from mnistnn.types import is_percent

COLOURS = 7
"""How many colours the style has. Of more groups the best ones have a colour, and all others are `GREY`."""

GREY = COLOURS
"""The number of what stands for no colour."""

_MOST_DETAILED = 6  # groups whose best run is shown from inside
_X_LABELS: dict[Axis, str] = {
    "epochs": "epoch",
    "passes": "passes",
    "updates": "updates",
    "examples": "examples",
    "seconds": "seconds",
}
_OF_A_MEMBER = "member.error"  # which is measured of committees alone, whose members are what others' epochs are
_SHOWN_METRICS = ("error", "loss")  # the last part of a metric's name


@dataclass(frozen=True)
class Swept:
    """That the runs are the trials of a sweep: what it is called, and the keys whose values were varied."""

    title: str
    keys: Sequence[str]


def report_html(
    views: Sequence[RunView], unreadable: Sequence[Unreadable], axis: Axis = "epochs", swept: Swept | None = None
) -> str:
    """Return the page about runs, at least one; of a sweep, with its points in order, the best one first.

    Raises ResourceError, saying how to install it, if there is no Jinja.
    """
    template = _template()
    groups = grouped(views)
    if swept is not None:
        groups = [_as_point(group, swept.keys) for group in sorted(groups, key=_rank)]
    colours = colours_of(groups)
    chosen = [_best_run(group) for group in groups]
    configs = [one.config for one in chosen]
    style, script = (_asset(name) for name in ("report.css", "report.js"))
    page: str = template.render(
        title=swept.title if swept is not None else " · ".join(dict.fromkeys(group.label for group in groups)),
        keys=[] if swept is None else [*zip(short_names(swept.keys), swept.keys, strict=True)],
        style=style,
        script=script,
        style_hash=_digest(style),
        script_hash=_digest(script),
        version=__version__,
        rows=[
            experiment_row(group, colour, [] if swept is None else swept.keys)
            for group, colour in zip(groups, colours, strict=True)
        ],
        grey=GREY,
        runs=[run_row(each) for each in views],
        unreadable=unreadable,
        charts=charts_of(groups, axis, colours),
        details=[_details(group, one, len(groups) > 1) for group, one in zip(groups, chosen, strict=True)][
            :_MOST_DETAILED
        ],
        left_out=max(0, len(groups) - _MOST_DETAILED),
        configs=configs_of(groups, chosen),
        differing=[(key, [*map(value_text, values)]) for key, values in differing_keys(configs)],
        environments=environments_of(chosen),
    )
    return page


def _rank(group: Group) -> float:
    """Return the mean, over a group's runs, of what they monitor at their best epochs; infinite if there is none."""
    found = [each.best[each.record.monitor] for each in group.runs if each.best and each.record.monitor in each.best]
    return fmean(found) if found else math.inf


def _as_point(group: Group, keys: Sequence[str]) -> Group:
    """Return a group called by its values of the varied keys."""
    said = zip(short_names(keys), keys, strict=True)
    values = ", ".join(f"{name} {value_text(value_at(key, group.runs[0].config))}" for name, key in said)
    return Group(values or group.label, group.runs)


def colours_of(groups: Sequence[Group]) -> list[int]:
    """Return the colour of each group; of more groups than colours the best ones have one, and the rest are grey."""
    if len(groups) <= COLOURS:
        return [*range(len(groups))]
    best = sorted(range(len(groups)), key=lambda number: _rank(groups[number]))[:COLOURS]
    return [best.index(number) if number in best else GREY for number in range(len(groups))]


def charts_of(
    groups: Sequence[Group],
    axis: Axis,
    colours: Sequence[int],
    metric: str | None = None,
    is_log: bool | None = None,
) -> list[Chart]:
    """Return a chart of the errors, and one of the losses, as far as there are such metrics; grey lines lie below.

    metric  if it is none of these, a chart of its kind comes first
    is_log  whether axes of values are logarithmic, where they can be; None leaves that to the values
    """
    everything = metrics_of([run for group in groups for run in group.runs])
    charts, label = [], _x_label(groups, axis)
    of_metric = () if metric is None else (metric.rpartition(".")[2],)
    for kind in [*(kind for kind in of_metric if kind not in _SHOWN_METRICS), *_SHOWN_METRICS]:
        names = [name for name in everything if name.rpartition(".")[2] == kind]
        below = sorted(zip(groups, colours, strict=True), key=lambda each: each[1] != GREY)
        lines = [line for group, colour in below for line in _lines(group, colour, names, axis, len(groups))]
        if lines:
            percent = is_percent(kind)
            charts.append(chart(kind, label, f"{kind} in %" if percent else kind, lines, percent, is_log))
    return charts


def _x_label(groups: Sequence[Group], axis: Axis) -> str:
    measured = (_OF_A_MEMBER in metrics_of([run]) for group in groups for run in group.runs)
    return "members" if axis == "epochs" and all(measured) else _X_LABELS[axis]


def _lines(group: Group, colour: int, names: Sequence[str], axis: Axis, groups: int) -> list[Line]:
    lines = []
    for name in names:
        found = band(group, name, axis)
        if found is None:
            continue
        split = name.split(".")[0]
        label = split if groups == 1 else f"{group.label}, {split}"
        style = "solid" if split == "valid" else "dashed"
        lines.append(Line(label, colour, style, found, _best_point(group, name, axis), colour != GREY))
    return lines


def _best_point(group: Group, name: str, axis: Axis) -> tuple[float, float] | None:
    """Return where the best epoch of a group's single run is, on the curve of what chose it."""
    if len(group.runs) != 1:
        return None
    (one,) = group.runs
    if one.best is None or one.record.monitor != name:
        return None
    index = next(i for i, row in enumerate(one.rows) if row is one.best)
    if axis == "seconds" and one.seconds is None:
        return None
    return float(places(one, axis)[index]), one.best[name]


def _best_run(group: Group) -> RunView:
    """Return the run of a group with the lowest value of what it monitors; the first if there is none."""
    measured = [each for each in group.runs if each.best is not None and each.record.monitor in each.best]
    return min(measured, key=lambda each: (each.best or {})[each.record.monitor]) if measured else group.runs[0]


def _details(group: Group, one: RunView, is_one_of_several: bool) -> tuple[str, Details]:
    title = group.label if is_one_of_several else ""
    if len(group.runs) > 1:
        title = f"{title}{': ' if title else ''}the best run, {one.run.path.name}"
    return title, details_of(one)


def _template() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise missing("jinja2", "a report") from error
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mnistnn.analysis", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.jinja")


def _asset(name: str) -> str:
    return resources.files("mnistnn.analysis.report").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """Return how a Content-Security-Policy names a style or script of the page itself."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
