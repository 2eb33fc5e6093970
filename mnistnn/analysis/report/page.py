"""The page: what is on it, gathered from runs, and the template that it is put into.

Everything that comes from a run is escaped by the template (Jinja's autoescape), and the page forbids itself to load or
send anything, by a Content-Security-Policy that names its own style and script by their digests.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from mnistnn import __version__
from mnistnn.analysis.curves import COLUMNS, Axis, band, metrics_of
from mnistnn.analysis.evaluation import Evaluation, stored_evaluations
from mnistnn.analysis.gathering import Gathered, Group, Unreadable, grouped
from mnistnn.analysis.listing import status_of
from mnistnn.analysis.report.chart import Chart, Line, chart
from mnistnn.analysis.report.details import Details, details_of
from mnistnn.config.defaults import keys_beyond_defaults
from mnistnn.config.diff import differences
from mnistnn.config.dump import resolved_lines
from mnistnn.config.nodes import dotted
from mnistnn.config.validate import type_first
from mnistnn.errors import ResourceError, RunError
from mnistnn.run.provenance import read_environment
from mnistnn.run.reading import MAX_JSON_BYTES, read_file
from mnistnn.run_config import load_run_config

COLOURS = 7
"""How many colours the style has; groups beyond begin again."""

_MOST_DETAILED = 6  # groups whose best run is shown from inside
_X_LABELS: dict[Axis, str] = {"epochs": "epoch", "updates": "updates", "examples": "examples", "seconds": "seconds"}
_SHOWN_FIGURES = ("error", "loss")  # the last part of a figure's name


@dataclass(frozen=True)
class GroupRow:
    """A line of the table of results: all as text."""

    label: str
    colour: int
    runs: str
    status: str
    epochs: str
    best_epoch: str
    valid_error: str
    valid_loss: str
    test_error: str
    seconds: str


@dataclass(frozen=True)
class ConfigLine:
    """A line of a configuration. `mark` is why it stands out: command line, differs, given; or empty for a default."""

    text: str
    mark: str


def report_html(gathered: Sequence[Gathered], unreadable: Sequence[Unreadable], axis: Axis = "epochs") -> str:
    """Return the page about runs, at least one.

    Raises ResourceError, saying how to install it, if there is no Jinja.
    """
    template = _template()
    groups = grouped(gathered)
    chosen = [_best_run(group) for group in groups]
    style, script = (_asset(name) for name in ("report.css", "report.js"))
    page: str = template.render(
        title=" · ".join(dict.fromkeys(group.label for group in groups)),
        style=style,
        script=script,
        style_hash=_digest(style),
        script_hash=_digest(script),
        version=__version__,
        rows=[_row(group, number % COLOURS) for number, group in enumerate(groups)],
        runs=[_run_row(each) for each in gathered],
        unreadable=unreadable,
        charts=charts_of(groups, axis),
        details=[_details(group, one, len(groups) > 1) for group, one in zip(groups, chosen, strict=True)][
            :_MOST_DETAILED
        ],
        left_out=max(0, len(groups) - _MOST_DETAILED),
        configs=_configs(groups, chosen),
        differing=_differing(groups, chosen),
        environments=_environments(chosen),
    )
    return page


def charts_of(groups: Sequence[Group], axis: Axis) -> list[Chart]:
    """Return a chart of the errors, and one of the losses, as far as there are such figures."""
    everything = metrics_of([run for group in groups for run in group.runs])
    charts = []
    for kind in _SHOWN_FIGURES:
        names = [name for name in everything if name.rpartition(".")[2] == kind]
        lines = [
            line for number, group in enumerate(groups) for line in _lines(group, number, names, axis, len(groups))
        ]
        if lines:
            percent = kind == "error"
            charts.append(chart(kind, _X_LABELS[axis], "error in %" if percent else kind, lines, percent))
    return charts


def _lines(group: Group, number: int, names: Sequence[str], axis: Axis, groups: int) -> list[Line]:
    lines = []
    for name in names:
        found = band(group, name, axis)
        if found is None:
            continue
        split = name.split(".")[0]
        label = split if groups == 1 else f"{group.label}, {split}"
        style = "solid" if split == "valid" else "dashed"
        lines.append(Line(label, number % COLOURS, style, found, _best_point(group, name, axis)))
    return lines


def _best_point(group: Group, name: str, axis: Axis) -> tuple[float, float] | None:
    """Return where the best epoch of a group's single run is, on the curve of what chose it."""
    if len(group.runs) != 1:
        return None
    (one,) = group.runs
    if one.best is None or one.record.monitor != name:
        return None
    index = next(i for i, row in enumerate(one.rows) if row is one.best)
    along = one.seconds if axis == "seconds" else [row[COLUMNS[axis]] for row in one.rows]
    return None if along is None else (along[index], one.best[name])


def _best_run(group: Group) -> Gathered:
    """Return the run of a group with the lowest value of what it monitors; the first if there is none."""
    measured = [each for each in group.runs if each.best is not None and each.record.monitor in each.best]
    return min(measured, key=lambda each: (each.best or {})[each.record.monitor]) if measured else group.runs[0]


def _row(group: Group, colour: int) -> GroupRow:
    bests = [each.best for each in group.runs if each.best is not None]
    return GroupRow(
        label=group.label,
        colour=colour,
        runs=str(len(group.runs)),
        status=", ".join(dict.fromkeys(status_of(each.run, each.record) for each in group.runs)),
        epochs=_range([each.rows[-1]["epoch"] for each in group.runs]),
        best_epoch=_range([best["epoch"] for best in bests]),
        valid_error=_mean([best["valid.error"] for best in bests if "valid.error" in best], percent=True),
        valid_loss=_mean([best["valid.loss"] for best in bests if "valid.loss" in best]),
        test_error=_test_error([found for each in group.runs if (found := _tested(each)) is not None]),
        seconds=_range([round(each.record.seconds, 1) for each in group.runs]),
    )


def _tested(one: Gathered) -> Evaluation | None:
    """Return what `eval` found on the test split for the best epoch, if it has been asked."""
    found = [each for each in stored_evaluations(one.run) if each.split == "test" and each.checkpoint == "best"]
    plain = [each for each in found if each.mc_samples is None]
    return next(iter(plain or found), None)


def _test_error(tested: list[Evaluation]) -> str:
    if len(tested) != 1:
        return _mean([each.error for each in tested], percent=True)
    (one,) = tested
    low, high = one.error_interval_95
    return (
        f"{100 * one.error:.2f} % ({one.errors:,} of {one.examples:,}; "
        f"95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
    )


def _mean(values: list[float], percent: bool = False) -> str:
    """Say a mean with its standard deviation over runs, or the value of the only one."""
    if not values:
        return "–"
    scale, unit, digits = (100.0, " %", ".2f") if percent else (1.0, "", ".4g")
    mean = f"{scale * float(np.mean(values)):{digits}}"
    if len(values) == 1:
        return mean + unit
    return f"{mean} ± {scale * float(np.std(values, ddof=1)):{digits}}{unit} (n = {len(values)})"


def _range(values: list[float]) -> str:
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{low:,.6g}" if low == high else f"{low:,.6g} to {high:,.6g}"


def _run_row(one: Gathered) -> dict[str, str]:
    """Return what tells a run from the others."""
    best = one.best or {}
    return {
        "id": one.run.path.name,
        "name": one.record.name,
        "seed": str(one.config.get("seed", "")),
        "status": status_of(one.run, one.record),
        "reason": one.record.reason or "",
        "best_epoch": f"{best['epoch']:.6g}" if best else "–",
        "valid_error": f"{100 * best['valid.error']:.2f} %" if "valid.error" in best else "–",
        "started": one.record.started,
    }


def _details(group: Group, one: Gathered, is_one_of_several: bool) -> tuple[str, Details]:
    title = group.label if is_one_of_several else ""
    if len(group.runs) > 1:
        title = f"{title}{': ' if title else ''}the best run, {one.run.path.name}"
    return title, details_of(one)


def _configs(groups: Sequence[Group], chosen: Sequence[Gathered]) -> list[tuple[str, list[ConfigLine]]]:
    """Return the configuration of each group, with the lines marked that were given or that differ."""
    differing = {key for key, _ in _differing(groups, chosen)}
    return [(group.label, _config_lines(one, differing)) for group, one in zip(groups, chosen, strict=True)]


def _config_lines(one: Gathered, differing: set[str]) -> list[ConfigLine]:
    given = keys_beyond_defaults(load_run_config(one.run).experiment)
    overridden = _overridden(one)
    lines = []
    for path, text in resolved_lines(type_first(one.config)):
        key = dotted(path) if path is not None else ""
        if any(key == name or key.startswith(f"{name}.") for name in overridden):
            mark = "command line"
        elif any(key == name or key.startswith(f"{name}.") for name in differing if key):
            mark = "differs"
        elif path is None or key in given or f"{key}.0" in given or path[-1] == "type":
            mark = "given"
        else:
            mark = ""
        lines.append(ConfigLine(text, mark))
    return lines


def _overridden(one: Gathered) -> set[str]:
    """Return the keys that were changed on the command line when the run was started."""
    try:
        text = read_file(one.run.source / "overrides.txt", MAX_JSON_BYTES).decode(errors="replace")
    except RunError:
        return set()
    return {line.partition("=")[0] for line in text.splitlines() if "=" in line}


def _differing(groups: Sequence[Group], chosen: Sequence[Gathered]) -> list[tuple[str, list[str]]]:
    """Return each key in which the groups differ, with its value in each of them."""
    first = {key: value for key, value in chosen[0].config.items() if key != "seed"}
    found: dict[str, list[str]] = {}
    for number, one in enumerate(chosen[1:], start=1):
        for each in differences(first, {key: value for key, value in one.config.items() if key != "seed"}):
            values = found.setdefault(each.key, [str(each.left)] * len(groups))
            values[number] = str(each.right)
    return list(found.items())


def _environments(chosen: Sequence[Gathered]) -> list[tuple[str, list[str]]]:
    """Return what runs were computed with: each entry, with its value in each group, or one value if all are equal."""
    tables = [_environment(one) for one in chosen]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    rows = [(key, [table.get(key, "–") for table in tables]) for key in keys]
    return [(key, values[:1] if len(set(values)) == 1 else values) for key, values in rows]


def _environment(one: Gathered) -> dict[str, str]:
    try:
        found = read_environment(one.run)
    except RunError as error:
        return {"not readable": str(error)}
    return dict(_flat(found))


def _flat(data: Any, at: str = "") -> list[tuple[str, str]]:
    if isinstance(data, dict):
        return [pair for key, value in data.items() for pair in _flat(value, f"{at}.{key}" if at else str(key))]
    if isinstance(data, list):
        return [(at, ", ".join(_shown(item) for item in data))]
    return [(at, _shown(data))]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {inner}" for key, inner in value.items())
    return "–" if value is None else str(value)


def _template() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise ResourceError("a report needs Jinja: pip install 'mnistnn[plot]'") from error
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
