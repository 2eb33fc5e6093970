"""A forecast as a figure for print: the predicted numbers over the targets."""

import numpy as np

from mnistnn.analysis.inspection.forecast import Forecast
from mnistnn.analysis.plots.paper_style import CM, COLOURS, encode, legible, paper_style

_WIDTH_CM, _HEIGHT_CM = 14.0, 5.0


def draw(forecast: Forecast, title: str, file_format: str) -> bytes:
    """Return the figure as a file. Sequences stand one behind the other, with a gap between two.

    Raises ResourceError, saying how to install it, if there is no matplotlib.
    """
    with paper_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH_CM * CM, _HEIGHT_CM * CM), layout="constrained")
        axes = figure.subplots()
        count, steps = forecast.true.shape
        at = np.arange(count * steps)
        for values, label, colour, width in (
            (forecast.true, "true", "#808080", 2.4),
            (forecast.predicted, "predicted", COLOURS[0], 1.0),
        ):
            for number, row in enumerate(values):
                part = at[number * steps : (number + 1) * steps]
                axes.plot(part, row, label=label if number == 0 else None, color=colour, linewidth=width)
        for edge in range(1, count):
            axes.axvline(edge * steps - 0.5, color="#d0d0d0", linewidth=0.5)
        axes.set_xlabel("step")
        if forecast.name is not None:
            axes.set_ylabel(legible(forecast.name))
        figure.legend(ncols=2, loc="outside lower right")
        axes.set_title(legible(title))
        return encode(figure, file_format)
