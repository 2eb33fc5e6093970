"""`mnistnn tail`."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.found import found_run
from mnistnn.cli.history_table import columns_of, fitting, heading, line
from mnistnn.cli.options import RUNS
from mnistnn.cli.table import columns_of_terminal
from mnistnn.cli.terminal import can_show, printable
from mnistnn.runner.bars import can_draw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mnistnn.run.view import RunView
    from mnistnn.types import Row

_CURVE_LINES, _CURVE_COLUMNS = 8, 72
_FEWEST_CURVE_LINES = 3
_OF_CURVE = 4  # lines around a curve: a blank one, its title, the axis, its ends
_OF_HEAD = 4  # lines around the table: how the run stands, what ends it, a blank one, the heading
_BACK_AND_CLEAR = "\x1b[{}F\x1b[J"  # so many lines up, and nothing from there on


@click.command(cls=MnistnnCommand)
@click.argument("run", metavar="RUN")
@RUNS
@click.option("-f", "--follow", "is_followed", is_flag=True, help="Go on until the run has ended.")
@click.option("--metric", metavar="NAME", help="Draw this metric; if not given, the one that the run monitors.")
@click.option(
    "--lines",
    "count",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Show the last N evaluations.",
)
def tail(run: str, runs: Path, is_followed: bool, metric: str | None, count: int) -> None:
    """Show how a run goes, and follow it.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. There
    are the last evaluations, a curve, and what will end the run. With -f a terminal shows them anew as training goes
    on; anything else gets a line for each evaluation.
    """
    from mnistnn.run.live import current_view, follow

    found = found_run(run, runs)
    if not is_followed:
        for text in _frame(current_view(found), metric, count, _Room(_CURVE_COLUMNS, None)):
            click.echo(text)
    elif _is_live():
        _redraw(follow(found), metric, count)
    else:
        _print_as_they_come(follow(found), metric, count)


class _Room:
    """Columns for lines, and lines; None where there is no end to them."""

    def __init__(self, columns: int, lines: int | None) -> None:
        self.columns, self.lines = columns, lines


def _is_live() -> bool:
    """Tell whether stdout is a terminal that can be drawn on."""
    return can_draw(sys.stdout)


def _redraw(views: Iterable[RunView], metric: str | None, count: int) -> None:
    """Show each state in the place of the one before."""
    drawn = 0
    for view in views:
        size = shutil.get_terminal_size()
        lines = _frame(view, metric, count, _Room(size.columns - 1, size.lines - 1))
        # In one piece, so that nothing flickers; not by click, which takes it for colour where none is wanted.
        sys.stdout.write((_BACK_AND_CLEAR.format(drawn) if drawn else "") + "".join(f"{each}\n" for each in lines))
        sys.stdout.flush()
        drawn = len(lines)


def _print_as_they_come(views: Iterable[RunView], metric: str | None, count: int) -> None:
    """Print the last evaluations, and each further one; what becomes of the run goes to stderr."""
    from mnistnn.run.metrics import best_of

    printed: list[Row] | None = None
    names: list[str] = []
    for view in views:
        rows = list(view.rows)
        if rows and not names:
            _metric_of(view, metric)
            names = columns_of(rows[-1])
            click.echo(printable(heading(names)))
        if printed is None:
            printed = rows[:-count]
        elif rows[: len(printed)] != printed:
            kept = next(n for n, row in enumerate(printed) if n == len(rows) or row != rows[n])
            where = f"to epoch {printed[kept - 1]['epoch']:.6g}" if kept else "to its beginning"
            click.echo(f"the run went back {where}", err=True)
            del printed[kept:]
        for row in rows[len(printed) :]:
            printed.append(row)
            click.echo(printable(line(row, names, row is best_of(printed, view.record.monitor))))
        last = view
    if not settings().quiet:
        for text in _standing(last):
            click.echo(text, err=True)


def _frame(view: RunView, metric: str | None, count: int, room: _Room) -> list[str]:
    """Return everything about a run: how it stands, the last evaluations, a curve if there is room for it."""
    shown = _metric_of(view, metric)
    lines = _standing(view)
    if shown is None:
        return [_cut(text, room) for text in lines]
    left = sys.maxsize if room.lines is None else room.lines - _OF_HEAD
    curve_lines = min(_CURVE_LINES, left - _OF_CURVE - min(count, len(view.rows)))
    if curve_lines < _FEWEST_CURVE_LINES:  # fewer evaluations leave room for a curve
        curve_lines = min(_FEWEST_CURVE_LINES, left - _OF_CURVE - 1)
    has_curve = curve_lines >= _FEWEST_CURVE_LINES
    if has_curve:
        left -= curve_lines + _OF_CURVE
    rows = view.rows[-max(1, min(count, left)) :]
    names = columns_of(rows[-1])
    names = fitting(names, columns_of_terminal() if room.lines is None else room.columns, shown)
    lines += ["", heading(names), *(line(row, names, row is view.best) for row in rows)]
    if has_curve:
        lines += ["", *_curve(view, shown, curve_lines, room)]
    return [_cut(printable(text), room) for text in lines]


def _cut(text: str, room: _Room) -> str:
    """Cut a line that a terminal would break in two, which would then not be found again."""
    return text if room.lines is None else text[: room.columns]


def _metric_of(view: RunView, metric: str | None) -> str | None:
    """Return the metric to be drawn; None if there is no evaluation yet. Raises UsageError if the run has none such."""
    from mnistnn.analysis.comparison.curves import check_metrics
    from mnistnn.run.live import metric_to_show
    from mnistnn.run.metrics import metrics_in

    if view.rows and metric is not None:
        check_metrics([metric], metrics_in(view.rows))
        return metric
    return metric_to_show(view.record, view.rows)


def _curve(view: RunView, metric: str, lines: int, room: _Room) -> list[str]:
    from mnistnn.analysis.plots.text_curve import UNICODE_MARKS, text_curve
    from mnistnn.types import is_percent

    rows = [row for row in view.rows if metric in row]
    best = next((number for number, row in enumerate(rows) if row is view.best), None)
    is_unicode = can_show(UNICODE_MARKS)
    percent = is_percent(metric)
    title = f"{metric} in %" if percent else metric
    if best is not None:
        mark = "●" if is_unicode else "o"
        value = f"{100 * rows[best][metric]:.2f}" if percent else f"{rows[best][metric]:.4g}"
        title += f"   {mark} {value} at the best epoch, {rows[best]['epoch']:.6g}"
    x, y = [row["epoch"] for row in rows], [(100 if percent else 1) * row[metric] for row in rows]
    return [title, *text_curve(x, y, min(room.columns, _CURVE_COLUMNS), lines, best, "epoch", is_unicode)]


def _standing(view: RunView) -> list[str]:
    """Return how a run stands, and what will end it or why it has ended."""
    from mnistnn.run.directory import as_argument
    from mnistnn.run.live import ends

    text = f"{view.record.name}, {view.run.path.resolve().name}: {view.status}"
    if view.is_over:
        after = view.record.reason or ""
        if not after and view.status != "finished":
            after = f"go on with: mnistnn resume {as_argument(view.run.path)}"
    else:
        ago = None if view.evaluated_s is None else _duration(time.time() - view.evaluated_s)
        text += ", no evaluation yet" if ago is None else f", last evaluation {ago} ago"
        end = ends(view)
        after = f"ends {end}" if end else ""
    return [printable(each) for each in (text, after) if each]


def _duration(seconds: float) -> str:
    """Say a time roughly; clocks of two machines may differ, so less than nothing is nothing."""
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
