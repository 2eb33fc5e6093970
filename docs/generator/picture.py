"""Pictures of curves from records: small SVG files whose bytes depend on the curves alone.

They are laid out as the charts of reports are, and drawn by a template of their own. The colours are those of reports,
too: Okabe & Ito's, as dark on light and as light on dark as lines need to be. A viewer's setting chooses the dark ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2
from generator.blocks import BlockError
from generator.known import Known, loss_of, short_names

from mnistnn.analysis.comparison.curves import Band, band_of
from mnistnn.analysis.plots.learning_curves import in_words
from mnistnn.analysis.report.chart import Chart, Line, chart
from mnistnn.errors import did_you_mean
from mnistnn.reproduction.curves import EPOCH, curve_in
from mnistnn.reproduction.record import Record

LIGHT = ("#0072b2", "#c25e00", "#00805f", "#a8578a", "#8a7000", "#3d8fc4", "#40474f")
DARK = ("#5fb2e6", "#f0985a", "#35c39c", "#dd9cc4", "#d9c250", "#9fd3f2", "#c3cad1")
_SPLITS = {"train": "training", "valid": "validation"}
_SCALE = 1.2  # of the picture on a page, in pixels per unit
_CHARACTER, _KEY, _GAP, _ROW = 7.2, 28, 18, 18  # units: widths of a letter, a line of the legend, what is between
_MARGIN = 10
_FAR_FROM_ZERO = 0.25  # the part of the highest value above which the lowest one leaves zero off the axis


@dataclass(frozen=True)
class Drawing:
    """A picture and what is said of it: in its place, and below it."""

    svg: str
    alternative: str
    caption: str


@dataclass(frozen=True)
class _Key:
    """An entry of the legend: a line in a colour, or in that of text (None), and where it begins."""

    label: str
    colour: int | None
    style: str
    x: float = 0.0
    y: float = 0.0


def curves(known: Known, metrics: Sequence[str], names: Sequence[str], is_log: bool, along: str) -> Drawing:
    """Return the picture of metrics of experiments along epochs, or along another column of their curves.

    Metrics of a kind, such as train.error and valid.error, share axes; each other kind has a panel. An experiment has a
    colour; a single one has a colour for each split. Raises BlockError for an experiment without curves, or a metric
    that it does not have.
    """
    if len(names) > len(LIGHT):
        raise BlockError(f"{len(names)} experiments are more than a picture has colours for, which is {len(LIGHT)}")
    records = [known.record(name) for name in names]
    kinds: dict[str, list[str]] = {}
    for metric in metrics:
        kinds.setdefault(_kind(metric), []).append(metric)
    with_splits = any(len(of_kind) > 1 for of_kind in kinds.values())
    panels = [_panel(kind, of_kind, names, records, is_log, along, with_splits) for kind, of_kind in kinds.items()]
    what = _list([in_words(metric) for metric in metrics])
    far = "passes over the data" if along == "passes" else "epochs"
    alternative = f"{what} of {_list(short_names(names))} along {far}"
    caption = f"{what[:1].upper()}{what[1:]} along {far}"
    if any(line.area for panel in panels for line in panel.lines):
        caption += f": the mean over {_seeds(records)} seeds, with a band of ± one standard deviation"
    keys = _placed(_keys(short_names(names), metrics if with_splits else ()), panels[0])
    return Drawing(_svg(panels, keys, alternative), alternative, caption + ".")


def _kind(metric: str) -> str:
    """Return the last part of a metric's name, if its first one is a split; or else the whole."""
    split, _, rest = metric.partition(".")
    return rest if split in _SPLITS else metric


def _panel(
    kind: str,
    metrics: Sequence[str],
    names: Sequence[str],
    records: Sequence[Record],
    is_log: bool,
    along: str,
    with_splits: bool,
) -> Chart:
    """Return the panel of a kind of metrics. Where a panel of the picture has two splits, one is dashed in all."""
    lines = []
    for number, (name, record) in enumerate(zip(names, records, strict=True)):
        for metric in metrics:
            colour, style = _look(metric) if with_splits else (0, "solid")
            lines.append(Line(name, number if len(names) > 1 else colour, style, _band(name, record, metric, along)))
    what = in_words(metrics[0]) if len(metrics) == 1 else kind
    is_percent = kind == "error"
    in_nats = kind == "loss" and all(loss_of(name).endswith("_nll") for name in names)
    unit = " (%)" if is_percent else " (nats)" if in_nats else ""
    x_label = "passes" if along == "passes" else "epoch"
    return chart(what, x_label, what + unit, lines, is_percent, is_log, _FAR_FROM_ZERO)


def _look(metric: str) -> tuple[int, str]:
    """Return the colour that a split has where there is one experiment, and the style that it has."""
    return (1, "dashed") if metric.startswith("train.") else (0, "solid")


def _keys(names: Sequence[str], metrics: Sequence[str]) -> list[_Key]:
    """Return the legend: the experiments, if there are several, and the splits of metrics."""
    keys = [_Key(name, number, "solid") for number, name in enumerate(names)] if len(names) > 1 else []
    of_splits = {metric.partition(".")[0]: metric for metric in metrics}
    for split, metric in sorted(of_splits.items(), reverse=True):
        colour, style = _look(metric)
        keys.append(_Key(_SPLITS.get(split, in_words(metric)), None if len(names) > 1 else colour, style))
    return keys


def _placed(keys: Sequence[_Key], panel: Chart) -> list[_Key]:
    """Return the entries of a legend in rows above a panel."""
    placed, x, y = [], float(panel.left), 0.0
    for key in keys:
        width = _KEY + _CHARACTER * len(key.label)
        if x > panel.left and x + width > panel.right:
            x, y = float(panel.left), y + _ROW
        placed.append(replace(key, x=round(x, 1), y=y))
        x += width + _GAP
    return placed


def _band(name: str, record: Record, metric: str, along: str) -> Band:
    kept = [result.curves for result in record.seeds if result.curves is not None]
    if not kept:
        raise BlockError(f"the record of {name} has no curves; mnistnn reproduce experiments/{name}.yaml keeps them")
    there = [each for each in dict.fromkeys(key for one in kept for key in one) if each != EPOCH]
    if metric not in there:
        hint = did_you_mean(metric, there, before=", ")
        raise BlockError(f"the curves of {name} have no metric '{metric}'{hint}; there are {', '.join(there)}")
    # A rule makes one pass in an epoch; what makes more has counted them.
    found = [curve_in(one, metric, along if along in one else EPOCH) for one in kept]
    return band_of([one for one in found if one is not None])


def _seeds(records: Sequence[Record]) -> str:
    counts = sorted({len(record.seeds) for record in records})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _svg(panels: Sequence[Chart], keys: Sequence[_Key], title: str) -> str:
    """Draw charts one below the other, under a legend."""
    top = _MARGIN + (keys[-1].y + _ROW if keys else 0.0)
    template = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("curves.svg.jinja")
    width, height = panels[0].width, top + sum(panel.height for panel in panels)
    drawn: str = template.render(
        panels=[(panel, top + number * panel.height) for number, panel in enumerate(panels)],
        keys=keys,
        title=title,
        width=width,
        height=height,
        shown=(round(width * _SCALE), round(height * _SCALE)),
        colours=[
            (number, LIGHT[number], DARK[number])
            for number in sorted({line.colour for panel in panels for line in panel.lines})
        ],
        has_areas=any(line.area for panel in panels for line in panel.lines),
    )
    return drawn + "\n"
