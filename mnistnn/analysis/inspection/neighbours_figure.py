"""Decisions by nearest neighbours as a figure: a row for each example, with its neighbours and how they were bent."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.inspection.neighbours import Decision
from mnistnn.analysis.plots.paper_style import CM, COLOURS, encode, legible, paper_style

_SIDE_CM, _CAPTION_CM = 3.4, 1.0
_MOST = 8  # neighbours of each example


def draw(decisions: Sequence[Decision], names: Sequence[str], title: str, file_format: str) -> bytes:
    """Return the figure as a file. An arrow leads from a pixel of the example to the one of the neighbour that explains
    it, where there is ink and these are different. Of more than eight neighbours the nearest are drawn.

    Raises ResourceError, saying how to install it, if there is no matplotlib.
    """
    columns = 1 + min(_MOST, max(len(each.neighbours) for each in decisions))
    with paper_style():
        from matplotlib.figure import Figure

        size = columns * _SIDE_CM * CM, (len(decisions) * (_SIDE_CM + _CAPTION_CM) + _CAPTION_CM) * CM
        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(legible(title))
        grid = figure.subplots(len(decisions), columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for row, each in zip(grid, decisions, strict=True):
            _show(row[0], each.image, f"{each.place}: {names[each.true]} as {names[each.predicted]}")
            for axes, neighbour in zip(row[1:], each.neighbours, strict=False):
                _show(axes, neighbour.image, f"{names[neighbour.label]}\n{each.by} {neighbour.distance:.4g}")
                if each.image is not None and neighbour.displacement is not None:
                    _add_arrows(axes, each.image, neighbour.displacement)
        return encode(figure, file_format)


def _show(axes: Any, image: NDArray[np.float64] | None, caption: str) -> None:
    if image is not None:
        axes.imshow(image, cmap="gray_r", vmin=0.0, vmax=1.0)
    axes.set_title(legible(caption))


def _add_arrows(axes: Any, query: NDArray[np.float64], displacement: NDArray[np.int64]) -> None:
    moved = (query > 0.5 * query.max()) & displacement.any(axis=2)
    y, x = np.nonzero(moved)
    down, right = displacement[y, x].T
    axes.quiver(x, y, right, down, color=COLOURS[1], angles="xy", scale_units="xy", scale=1, width=0.008, headwidth=4)
