"""The plot of BENCHMARKS.md: each contender's step, in multiples of the limit."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.row import Row

_MARKS = {
    "ours": "o",
    "ours-numpy": "s",
    "torch-eager": "^",
    "torch-last": "v",
    "torch-compiled": "<",
    "torch-graph": ">",
    "jax": "x",
    "jax-one": "+",
    "sklearn": "d",
}


def draw(rows: Sequence[Row], path: Path) -> None:
    """Draw medians, and lines from the lowest to the highest median of a turn."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.5 * len(rows) + 1.5), layout="constrained")
    axes = figure.subplots()
    for kind, mark in _MARKS.items():
        points = [
            (place, found, base.median)
            for place, row in enumerate(rows)
            if (found := row.of(kind)) is not None and (base := row.of(row.base)) is not None
        ]
        if points:
            places = [place for place, _, _ in points]
            (drawn,) = axes.plot([found.median / base for _, found, base in points], places, mark, label=kind)
            lowest, highest = (
                [getattr(found, end) / base for _, found, base in points] for end in ("lowest", "highest")
            )
            axes.hlines(places, lowest, highest, colors=drawn.get_color(), linewidth=1)
    axes.axvline(1.0, color="0.6", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("time of a step, in multiples of its matrix products alone")
    axes.legend(loc="best", fontsize="small")
    with mpl.rc_context({"svg.hashsalt": "mnistnn"}):  # equal figures give equal bytes
        figure.savefig(path, metadata={"Date": None})
