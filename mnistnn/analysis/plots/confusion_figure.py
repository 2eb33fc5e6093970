"""The confusion matrix as a figure for print.

Only mistakes are coloured, in one hue from white (none) to dark (the most frequent): beside the correct predictions, of
which there are a hundred times as many, they would all look alike. Zeros are left blank.
"""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import UsageError
from mnistnn.extras import missing
from mnistnn.tasks.confusion import Whole, shares

FORMATS = ("png", "pdf", "svg")
_DPI = 200
_CELL_INCHES, _MARGIN_INCHES = 0.46, 1.5
_MOST_NUMBERED = 64  # classes; the numbers of more would be specks
_LARGEST_INCHES = 32.0
_DARK = 0.8  # of the most frequent mistake: from here on white is easier to read than black
# What a file would otherwise say of versions and the time: equal matrices give equal bytes.
_NO_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None},
}


def format_of(path: Path) -> str:
    """Return the format that a file's name asks for. Raises UsageError for another one than `FORMATS`."""
    name = path.suffix.removeprefix(".").lower()
    if name not in FORMATS:
        raise UsageError(f"{path}: the name of a figure ends in {', '.join('.' + each for each in FORMATS)}")
    return name


def draw(
    confusion: NDArray[np.int64],
    title: str,
    file_format: str,
    whole: Whole | None = None,
    names: Sequence[str] | None = None,
) -> bytes:
    """Return a figure of a confusion matrix (k, k) as a file of one of `FORMATS`; with `whole` in percent. Classes have
    numbers if they have no names.

    Raises ResourceError, saying how to install it, if there is no matplotlib.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing("matplotlib", "drawing") from error

    k = len(confusion)
    side = min(_MARGIN_INCHES + _CELL_INCHES * k, _LARGEST_INCHES)
    with mpl.rc_context({"svg.hashsalt": "mnistnn", "svg.fonttype": "path", "pdf.fonttype": 42}):
        figure = Figure(figsize=(max(side, 3.6) + 0.5, max(side, 3.2)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        _draw_cells(axes, confusion, whole, names)
        in_percent = "" if whole is None else f", in % of each {'row' if whole == 'true' else 'column'}"
        axes.set_title(title + in_percent, fontsize=9, parse_math=False)  # a run may be called $x$
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # a letter that the font lacks becomes a box
            figure.savefig(buffer, format=file_format, dpi=_DPI, metadata=_NO_METADATA[file_format])
    return buffer.getvalue()


def _draw_cells(
    axes: Any, confusion: NDArray[np.int64], whole: Whole | None, names: Sequence[str] | None = None
) -> None:
    k = len(confusion)
    values = confusion if whole is None else 100 * shares(confusion, whole)
    mistakes = np.where(np.eye(k, dtype=bool), 0, values)
    most = float(mistakes.max()) or 1.0
    # Rasterised as a picture in PDF and SVG too; a mesh of rectangles shows seams there.
    axes.imshow(mistakes, cmap="Blues", vmin=0, vmax=1.15 * most)  # the darkest blues would swallow black and white
    for i in range(k):
        axes.add_patch(_diagonal_cell(i))
    if k <= _MOST_NUMBERED:
        for i, j in zip(*np.nonzero(confusion), strict=True):
            text = str(confusion[i, j]) if whole is None else f"{values[i, j]:.1f}"
            size = 8 if len(text) < 5 else 6.5
            colour = "white" if mistakes[i, j] > _DARK * most else "black"
            axes.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)
    _draw_frame(axes, confusion, names)


def _diagonal_cell(i: int) -> Any:
    """Return a quiet grey square for the correct predictions of class i."""
    from matplotlib.patches import Rectangle

    return Rectangle((i - 0.5, i - 0.5), 1, 1, facecolor="#e6e6e6", edgecolor="none")


def _draw_frame(axes: Any, confusion: NDArray[np.int64], names: Sequence[str] | None = None) -> None:
    """Name classes and axes, rule the cells, and say the error of each row at its end."""
    k = len(confusion)
    named = [str(label) for label in range(k)] if names is None else [*names]
    axes.set_xticks(range(k), named, parse_math=False)
    axes.set_yticks(range(k), named, parse_math=False)
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#d0d0d0", linewidth=0.5)
    axes.tick_params(which="both", length=0, labelsize=9 if k <= _MOST_NUMBERED else 4)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    for spine in axes.spines.values():
        spine.set_color("#808080")
    right = axes.secondary_yaxis("right")
    totals = confusion.sum(axis=1)
    errors = [f"{100 * (1 - confusion[i, i] / totals[i]):.2f} %" if totals[i] else "" for i in range(k)]
    right.set_yticks(range(k), errors)
    right.tick_params(length=0, labelsize=8 if k <= _MOST_NUMBERED else 4)
    right.set_ylabel("error", fontsize=9)
    right.spines["right"].set_visible(False)
