"""A picture of a surface and of paths on it: contour lines, or a curve of one variable, and a marker for each step."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.plots.paper_style import CM, COLOURS, MARKERS, encode, legible, paper_style
from mnistnn.analysis.plots.surface_paths import Path
from mnistnn.analysis.plots.surfaces import Surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH_CM = 13.0
_BESIDE_CM, _BELOW_CM, _KEY_CM = 1.75, 1.4, 0.43  # what labels and room take, and a line of the legend
_CONTOURS, _GRID = 14, 300
_APART = 0.01  # between markers of a path, as a part of the picture: a step that is shorter gets none
_CURVE_HEIGHT = 0.56  # of a function of one variable, per width
_TANGENT = 0.8  # half the length of the tangent at the start
_ROOM = 0.08  # above and below a curve, of its height
_GREY = "0.72"
_UNSEEN_PX = 0.25  # how far a contour line may be from where it is; the default makes files half as large again
_PLACE = re.compile(rb"(?<=[ \"(])-?\d{2,}\.\d+")
_MARKERS = re.compile(rb'(<g clip-path="[^"]*")>((?:\s*<use [^>]* style="([^"]*)"/>)+)')


@dataclass(frozen=True)
class SurfaceForm:
    """How the picture is to look: the format of its file, its size where that is given, and a title."""

    file_format: str
    width_cm: float | None = None
    height_cm: float | None = None
    title: str = ""


def surface_figure(surface: Surface, paths: Sequence[Path], start: Sequence[float], form: SurfaceForm) -> bytes:
    """Return the picture as a file. Raises ResourceError, saying how to install it, without matplotlib."""
    with paper_style():
        from matplotlib import rcParams
        from matplotlib.figure import Figure

        rcParams["path.simplify_threshold"] = _UNSEEN_PX
        width = form.width_cm or _WIDTH_CM
        height = form.height_cm or _height_cm(surface, width, len(paths))
        figure = Figure(figsize=(width * CM, height * CM), layout="constrained")
        axes = figure.add_subplot()
        if surface.variables == 1:
            _curve(axes, surface, start)
        else:
            _contours(axes, surface)
        for number, path in enumerate(paths):
            _draw(axes, surface, path, number)
        if paths or surface.variables == 1:
            at = start if surface.variables > 1 else (start[0], float(surface.value(start)))
            axes.plot(*at, marker="o", markersize=5, markerfacecolor="white", color="black", linestyle="none", zorder=4)
        if paths:
            figure.legend(loc="outside upper left", ncols=1, handlelength=2.0)
        if form.title:
            axes.set_title(legible(form.title))
        content = encode(figure, form.file_format)
    return _shortened(content) if form.file_format == "svg" else content


def _height_cm(surface: Surface, width: float, paths: int) -> float:
    """Return the height of a picture in which x and y have one scale, under a line of the legend for each path."""
    across = width - _BESIDE_CM
    if surface.variables == 1:
        up = across * _CURVE_HEIGHT
    else:
        (left, right), (low, high) = surface.shown
        up = across * (high - low) / (right - left)
    return up + _BELOW_CM + _KEY_CM * paths


def _contours(axes: "Axes", surface: Surface) -> None:
    (left, right), (low, high) = surface.shown
    x, y = np.linspace(left, right, _GRID), np.linspace(low, high, _GRID)
    values = surface.value(np.meshgrid(x, y))
    lowest = float(surface.value(surface.minima[0]))
    levels = lowest + (values.max() - lowest) * (np.arange(1, _CONTOURS + 1) / (_CONTOURS + 1)) ** surface.power
    contours = axes.contour(x, y, values, levels=levels)
    contours.remove()
    # Drawn as lines, which matplotlib simplifies, they take a tenth of the bytes.
    for line in (line for level in contours.allsegs for line in level):
        axes.plot(line[:, 0], line[:, 1], color=_GREY, linewidth=0.5, zorder=1)
    axes.plot(*zip(*surface.minima, strict=True), linestyle="none", marker="x", color="black", markersize=4, zorder=4)
    axes.set(xlim=(left, right), ylim=(low, high), xlabel="x", ylabel="y", aspect="equal")


def _curve(axes: "Axes", surface: Surface, start: Sequence[float]) -> None:
    """Draw a function of one variable, and its tangent where paths start."""
    ((left, right),) = surface.shown
    x = np.linspace(left, right, _GRID)
    values = surface.value([x])
    room = _ROOM * (values.max() - values.min())
    axes.plot(x, values, color=_GREY, linewidth=1.6)
    at, height = start[0], float(surface.value(start))
    slope = float(surface.gradient(np.array(start))[0])
    along = _TANGENT / np.hypot(1.0, slope) * np.array([-1.0, 1.0])
    axes.plot(at + along, height + slope * along, color="black", linewidth=0.8, zorder=2)
    axes.annotate(
        f"slope {slope:.3g}".replace("-", "−"),
        (at, height),
        xytext=(-6 if slope > 0 else 6, 2),
        textcoords="offset points",
        ha="right" if slope > 0 else "left",
    )
    axes.set(xlim=(left, right), ylim=(values.min() - room, values.max() + room), xlabel="x", ylabel="f(x)")


def _draw(axes: "Axes", surface: Surface, path: Path, number: int) -> None:
    """Draw a path with a marker at each of its points in the picture, as far as they can be told apart."""
    points, inside = _drawn(surface, path)
    marked = _marked(surface, points[:inside])
    if surface.variables == 1:
        points = np.stack([points[:, 0], surface.value(points.T)], axis=1)
    axes.plot(
        points[:, 0],
        points[:, 1],
        color=COLOURS[number % len(COLOURS)],
        linewidth=0.9 if surface.variables > 1 else 0.6,
        marker=MARKERS[number % len(MARKERS)],
        markersize=3.2,
        markeredgecolor="white",
        markeredgewidth=0.3,
        markevery=marked,
        label=legible(path.label),
        zorder=3 + 0.01 * number,
    )


def _marked(surface: Surface, points: NDArray[np.float64]) -> list[int]:
    """Return the numbers of the points that get a marker."""
    sizes = np.array([high - low for low, high in surface.shown])
    marked = [0]
    for number, point in enumerate(points):
        if (np.abs(point - points[marked[-1]]) / sizes).max() >= _APART:
            marked.append(number)
    return marked


def _drawn(surface: Surface, path: Path) -> tuple[NDArray[np.float64], int]:
    """Return the points of a path up to the last one in the picture, whose number is the second value, and the place
    where the next step leaves the picture, if there is one.
    """
    inside = [surface.holds(point) for point in path.points]
    count = len(inside) - inside[::-1].index(True)
    points = path.points[: count + 1].copy()
    if count < len(path.points):
        points[-1] = points[-2] + _share(surface, points[-2], points[-1]) * (points[-1] - points[-2])
    return points, count


def _share(surface: Surface, before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Return which part of a step from inside to outside lies in the picture."""
    ends = [high if b > a else low for a, b, (low, high) in zip(before, after, surface.shown, strict=True)]
    parts = [(end - a) / (b - a) for a, b, end in zip(before, after, ends, strict=True) if a != b]
    return float(min(1.0, *parts))


def _shortened(svg: bytes) -> bytes:
    """Return an SVG file with places to a tenth of a point, and with the style of markers on their group alone.

    That halves it, and nobody can see it. What arithmetic leaves in the last digits of places is gone, too.
    """

    def styled_once(found: re.Match[bytes]) -> bytes:
        group, markers, style = found.groups()
        each = b' style="%s"' % style
        if markers.count(each) != markers.count(b"<use "):
            return found[0]
        return group + each + b">" + markers.replace(each, b"")

    return _MARKERS.sub(styled_once, _PLACE.sub(lambda found: b"%.1f" % float(found[0]), svg))
