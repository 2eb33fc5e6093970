"""Published systems and their reproductions as a figure: test error against the year of publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistnn.analysis.plots.paper_style import CM, COLOURS, encode, format_of, legible, paper_style

_WIDTH_CM, _HEIGHT_CM = 17.0, 9.5
_APART = 0.09  # from the middle between the published error and ours; systems are 1 apart
_TICKS = (0.2, 0.5, 1, 2, 5, 10)


@dataclass(frozen=True)
class Place:
    """A system: its year and name, and its errors as fractions; None where there is no reproduction."""

    year: int
    name: str
    published: float
    ours: float | None
    interval: tuple[float, float] | None


def history_figure(places: Sequence[Place], file: Path) -> bytes:
    """Return a figure as the file that `file` names: errors on a logarithmic axis, ours with their intervals.

    Systems stand beside each other in their order, with their years. Raises ResourceError, saying how to install it,
    without matplotlib.
    """
    with paper_style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(_WIDTH_CM * CM, _HEIGHT_CM * CM), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(
            [at - _APART for at in range(len(places))],
            [100 * each.published for each in places],
            marker="D",
            linestyle="none",
            color=COLOURS[0],
            label="published",
        )
        ours = [
            (at + _APART, each.ours, each.interval)
            for at, each in enumerate(places)
            if each.ours is not None and each.interval is not None
        ]
        if ours:
            axes.errorbar(
                [at for at, _, _ in ours],
                [100 * error for _, error, _ in ours],
                yerr=[
                    [100 * (error - low) for _, error, (low, _) in ours],
                    [100 * (high - error) for _, error, (_, high) in ours],
                ],
                fmt="o",
                color=COLOURS[1],
                elinewidth=0.8,
                capsize=2,
                label="reproduced here, with 95 % interval",
            )
        axes.set_yscale("log")
        axes.set_ylabel("test error in %")
        axes.set_yticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
        axes.minorticks_off()
        axes.grid(axis="y", linewidth=0.3)
        axes.set_xticks([*range(len(places))], [f"{each.year}\n{_in_lines(legible(each.name))}" for each in places])
        axes.tick_params(axis="x", labelsize=6.2, length=0)
        axes.set_xlim(-0.6, len(places) - 0.4)
        axes.legend(loc="upper right")
        return encode(figure, format_of(file))


def _in_lines(name: str, most: int = 14) -> str:
    """Return a name in lines of at most so many characters, as far as its words allow."""
    lines = [""]
    for word in name.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
