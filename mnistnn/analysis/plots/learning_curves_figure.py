"""Learning curves as a figure for a paper: panels side by side or one below the other, and one legend under them.

Groups differ in colour and marker, training and validation in line style, so that nothing depends on colour alone.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.comparison.curves import Axis
from mnistnn.analysis.plots.learning_curves import LearningCurves, Line, Panel
from mnistnn.analysis.plots.paper_style import CM, COLOURS, MARKERS, encode, legible, paper_style
from mnistnn.config.messages import shorten
from mnistnn.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.typing import LineStyleType

COLUMN_CM, TEXT_CM = 8.4, 17.0
"""Widths of a figure in one column of two, and across the page."""

_PANEL_CM = 5.4  # height of a panel with its labels
_LEAST_PANEL_CM = (
    3.5  # width from which panels stand side by side, below which a panel shows nothing: twice, half of it
)
_X_LABELS: dict[Axis, str] = {
    "epochs": "epoch",
    "passes": "passes over the training set",
    "updates": "updates",
    "examples": "examples seen",
    "seconds": "training time (s)",
}
_SOLID: "LineStyleType" = "-"
_DASHED: "LineStyleType" = (0, (3.2, 1.6))
_MARKERS_ON_A_LINE = 7
_BAND_ALPHA = 0.18
_STAR: dict[str, Any] = {
    "marker": "*",
    "markersize": 7.5,
    "markeredgecolor": "black",
    "markeredgewidth": 0.5,
    "linestyle": "none",
}
_THIN = 0.5  # where only some runs are left
_LONGEST_LABEL, _MOST_LINES = 240, 3
_HANDLE_PT = 44  # of a legend's width: the sign, gaps
_GAP_IN = 0.06  # between panels and legends
_MOST_COLUMNS = 5
_FULL = 0.95  # of a line; letters on a screen are wider than in print
_LEGEND_PT, _TITLE_PT = 8, 9


@dataclass(frozen=True)
class Form:
    """The user's options for a figure; sizes in cm, and ends of the y axes, None for what fits."""

    file_format: str
    width_cm: float | None = None
    height_cm: float | None = None
    title: str = ""
    is_log: bool = False
    y_range: tuple[float, float] | None = None


def draw(curves: LearningCurves, form: Form) -> bytes:
    """Return the figure's file.

    Raises UsageError if its size leaves no room, or if nothing could be seen on a logarithmic axis; ResourceError,
    saying how to install it, if there is no matplotlib.
    """
    with paper_style():
        return encode(_figure(curves, form), form.file_format)


def _figure(curves: LearningCurves, form: Form) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(curves.panels)
    width_cm = form.width_cm or (COLUMN_CM if count == 1 else TEXT_CM)
    columns = min(count, max(1, int(width_cm // (2 * _LEAST_PANEL_CM))))
    rows = ceil(count / columns)
    height_in = (form.height_cm or rows * _PANEL_CM) * CM
    figure = Figure(figsize=(width_cm * CM, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    legends = _legends(figure, curves)
    below_in = sum(_height_in(legend, figure) for legend in legends) + (_GAP_IN if legends else 0.0)
    above_in = 0.0
    if form.title:
        title = figure.suptitle(_wrapped(legible(form.title), figure.get_figwidth() * 72, _TITLE_PT))
        above_in = _height_in(title, figure)
    if not form.height_cm:
        height_in += above_in + below_in
        figure.set_figheight(height_in)
    _stack(legends, figure)
    figure.set_layout_engine("constrained", rect=(0, below_in / height_in, 1, 1 - below_in / height_in))
    for number, panel in enumerate(curves.panels):
        axes = figure.add_subplot(rows, columns, number + 1)
        _draw_panel(axes, panel, curves, form.is_log)
        if form.y_range is not None:
            if form.is_log and form.y_range[0] <= 0:
                raise UsageError("--ylim: a logarithmic axis begins above zero")
            axes.set_ylim(*form.y_range)
    figure.align_ylabels()
    _check_room(figure)
    return figure


def _height_in(artist: Any, figure: "Figure") -> float:
    return float(artist.get_window_extent().height / figure.dpi)


def _draw_panel(axes: "Axes", panel: Panel, curves: LearningCurves, is_log: bool) -> None:
    scale = 100.0 if panel.is_percent else 1.0
    means = np.concatenate([line.band.mean for line in panel.lines]) * scale
    if is_log and not (means > 0).any():
        raise UsageError(f"--log: no value of {panel.y_label} is above zero")
    floor = _floor(panel, means, scale) if is_log else -np.inf
    for line in panel.lines:
        _draw_line(axes, line, scale, floor, with_markers=len(curves.groups) > 1)
    axes.set_xlabel(_X_LABELS[panel.axis])
    axes.set_ylabel(legible(panel.y_label))
    axes.set_xlim(left=0)
    _set_x_ticks(axes, panel.axis)
    if is_log:
        _make_logarithmic(axes, floor)
    elif panel.from_zero and means.min() >= 0:
        axes.set_ylim(bottom=0)


def _floor(panel: Panel, means: NDArray[np.float64], scale: float) -> float:
    """Return where a logarithmic axis begins: a little below all means, and as far below as bands go, within reason."""
    lowest, highest = float(means[means > 0].min()), float(means.max())
    lows = np.concatenate([line.band.mean - line.band.deviation for line in panel.lines]) * scale
    margin: float = max(1.02, (highest / lowest) ** 0.05)
    return max(float(lows.min()), lowest / 2) / margin


def _draw_line(axes: "Axes", line: Line, scale: float, floor: float, with_markers: bool) -> None:
    """Draw mean and band: in full where all runs are, thinner where some have ended, not where some have not begun."""
    found = line.band
    full = np.flatnonzero(found.runs == found.runs.max())
    begin, end = full[0], full[-1] + 1
    x, mean, deviation = found.x, found.mean * scale, found.deviation * scale
    style: dict[str, Any] = {
        "color": COLOURS[line.group % len(COLOURS)],
        "linestyle": _DASHED if line.split == "training" else _SOLID,
        "zorder": 3,
    }
    marker: dict[str, Any] = {}
    if with_markers or end - begin == 1:  # a single point would not be seen as a line
        marker = {
            "marker": MARKERS[line.group % len(MARKERS)],
            "markevery": _marked(end - begin, line.group),
            "markerfacecolor": "white" if line.split == "training" else style["color"],
        }
    axes.plot(x[begin:end], mean[begin:end], **style, **marker)
    if end < len(x):
        axes.plot(x[end - 1 :], mean[end - 1 :], linewidth=_THIN, **style)
    if deviation.any():
        low, high = np.maximum(mean - deviation, floor)[begin:], (mean + deviation)[begin:]
        axes.fill_between(x[begin:], low, high, color=style["color"], alpha=_BAND_ALPHA, linewidth=0, zorder=2)
    if line.best is not None:
        at, value = line.best
        axes.plot(at, value * scale, color=style["color"], zorder=4, **_STAR)


def _marked(count: int, group: int) -> list[int]:
    """Return on which of so many points a group's marker is: evenly many, beginning elsewhere for each group."""
    step = max(1, count // _MARKERS_ON_A_LINE)
    return list(range(min(group % step, count - 1), count, step))


def _set_x_ticks(axes: "Axes", axis: Axis) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    is_count = axis != "seconds"
    most = 4 if axis in ("updates", "examples") else 6  # their numbers are long
    axes.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10], integer=is_count))
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))


def _make_logarithmic(axes: "Axes", floor: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(bottom=floor)
    low, high = axes.get_ylim()
    is_short = high / low < 200  # two decades and a bit: powers of ten alone would be few
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if is_short else (1,), numticks=10))
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _plain(value: float, _position: int) -> str:
    return f"{value:,.6g}".replace("-", "−")


def _legends(figure: "Figure", curves: LearningCurves) -> list["Legend"]:
    """Return what stands under the panels, from top to bottom: groups if there are several, and all other signs."""
    signs = [entries for entries in (_groups(curves), _signs(curves)) if entries]
    return [_legend(figure, entries) for entries in signs]


def _legend(figure: "Figure", entries: list[tuple[Any, str]]) -> "Legend":
    """Return a legend in as many columns as there is room for."""
    room_pt = figure.get_figwidth() * 72
    handles = [handle for handle, _ in entries]
    labels = [_wrapped(legible(label), room_pt - _HANDLE_PT, _LEGEND_PT) for _, label in entries]
    for columns in range(min(len(handles), _MOST_COLUMNS), 1, -1):
        legend = figure.legend(handles, labels, loc="lower center", ncols=columns)
        if legend.get_window_extent().width <= figure.bbox.width:
            return legend
        legend.remove()
    return figure.legend(handles, labels, loc="lower center")


def _stack(legends: Sequence["Legend"], figure: "Figure") -> None:
    """Put legends above each other, the last of them on the lower edge."""
    bottom_in = 0.0
    for legend in reversed(legends):
        legend.set_in_layout(False)  # room for them is set aside
        legend.set_bbox_to_anchor((0.5, bottom_in / figure.get_figheight()), figure.transFigure)
        bottom_in += _height_in(legend, figure)


def _groups(curves: LearningCurves) -> list[tuple[Any, str]]:
    from matplotlib.lines import Line2D

    if len(curves.groups) == 1:
        return []
    return [
        (
            Line2D([], [], color=COLOURS[number % len(COLOURS)], marker=MARKERS[number % len(MARKERS)]),
            label + (f", n = {runs}" if runs > 1 else ""),
        )
        for number, (label, runs) in enumerate(curves.groups)
    ]


def _signs(curves: LearningCurves) -> list[tuple[Any, str]]:
    """Return line styles, the star, the band and the thin line, as far as there are any, with what they mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    lines = [line for panel in curves.panels for line in panel.lines]
    is_one = len(curves.groups) == 1
    most = max(runs for _, runs in curves.groups)
    colour = COLOURS[0] if is_one else "0.25"
    signs: list[tuple[Any, str]] = []
    if {line.split for line in lines} >= {"training", "validation"}:
        signs.append((Line2D([], [], color=colour, linestyle=_SOLID), "validation"))
        signs.append((Line2D([], [], color=colour, linestyle=_DASHED), "training"))
    if any(line.best is not None for line in lines):
        measure = f" by {curves.monitor}" if curves.monitor else ""
        signs.append((Line2D([], [], color=colour, **_STAR), f"best epoch{measure}"))
    if any(line.band.deviation.any() for line in lines):
        count = f", n = {most}" if is_one else ""
        signs.append((Patch(color=colour, alpha=_BAND_ALPHA, linewidth=0), f"mean ± 1 standard deviation{count}"))
    if any(line.band.runs[-1] < line.band.runs.max() for line in lines):
        signs.append((Line2D([], [], color=colour, linewidth=_THIN), "some runs have ended"))
    return signs


def _wrapped(text: str, room_pt: float, size_pt: float) -> str:
    """Return text broken into lines that fit, the last of them cut if there are too many."""
    text = shorten(text, _LONGEST_LABEL)
    longest = len(text)
    lines = [text]
    while longest > 1 and max(_width_pt(line, size_pt) for line in lines) > _FULL * room_pt:
        longest = min(longest - 1, max(map(len, lines)) - 1)
        lines = textwrap.wrap(text, longest, max_lines=_MOST_LINES, placeholder="…") or [""]
    return "\n".join(lines)


def _width_pt(text: str, size_pt: float) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size_pt), ismath=False)
    return float(width)


def _check_room(figure: "Figure") -> None:
    """Lay the figure out. Raises UsageError if the panels are too small to show anything."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # matplotlib's own complaint about the room
        figure.draw_without_rendering()
    for axes in figure.axes:
        area = axes.get_window_extent()
        if min(area.width, area.height) < figure.dpi * CM * _LEAST_PANEL_CM / 2:
            raise UsageError("--width, --height: there is no room for the panels beside labels and legend")
