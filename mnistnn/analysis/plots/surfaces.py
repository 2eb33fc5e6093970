"""Surfaces with simple formulas, on which update rules can be watched: a bowl, a valley, a curve of one variable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import UsageError, did_you_mean

Point = NDArray[np.float64]
Ends = tuple[float, float]
SURFACES = ("bowl", "valley", "one-dimension")
CONDITION = 10.0
"""The condition number of a bowl for which none is asked."""


@dataclass(frozen=True)
class Surface:
    """A function f of one or two variables.

    value     f at points: (d, …) to (…), where d is the number of variables
    gradient  its gradient at a point (d,)
    curvature a matrix (d, d) like its second derivatives there, without negative eigenvalues: that of Gauss and Newton
    start     where a path begins unless it is told otherwise
    minima    the lowest one first
    shown     the ends of each axis in a picture
    power     how contour lines are spread: their values are the lowest one plus (1, 2, …)^power, times a constant
    """

    name: str
    formula: str
    value: Callable[[Any], Any]
    gradient: Callable[[Point], Point]
    curvature: Callable[[Point], Point]
    start: tuple[float, ...]
    minima: tuple[tuple[float, ...], ...]
    shown: tuple[Ends, ...]
    power: int = 2

    @property
    def variables(self) -> int:
        return len(self.start)

    def holds(self, point: Point) -> bool:
        """Tell whether a point is in the picture."""
        return all(low <= value <= high for value, (low, high) in zip(point, self.shown, strict=True))


def surface(name: str, condition: float | None = None) -> Surface:
    """Return a surface by its name. Raises UsageError for another name, or a condition number of what is no bowl."""
    if name == "bowl":
        return _bowl(CONDITION if condition is None else condition)
    others = {"valley": _valley, "one-dimension": _one_dimension}
    if name not in others:
        hint = did_you_mean(name, SURFACES, before="; ")
        raise UsageError(f"there is no surface '{name}'{hint or ': there are ' + ', '.join(SURFACES)}")
    if condition is not None:
        raise UsageError(f"--condition is of the bowl: {name} has no condition number of its own")
    return others[name]()


def started(surface: Surface, start: Sequence[float] | None) -> Sequence[float]:
    """Return where paths start: where they are told to, or the surface's own place.

    Raises UsageError for a place with another number of coordinates, or outside of the picture.
    """
    if start is None:
        return surface.start
    if len(start) != surface.variables:
        wanted = "one number" if surface.variables == 1 else "two numbers"
        raise UsageError(f"--start: {surface.name} needs {wanted}, got {','.join(f'{each:g}' for each in start)}")
    for axis, value, (low, high) in zip("xy", start, surface.shown, strict=False):
        if not low <= value <= high:
            raise UsageError(f"--start: the picture shows {axis} from {low:g} to {high:g}, got {value:g}")
    return start


def _bowl(condition: float) -> Surface:
    curvatures = np.array([1.0, condition])
    return Surface(
        name="bowl",
        formula=f"½ (x² + {condition:g} y²)",
        value=lambda theta: 0.5 * (theta[0] ** 2 + condition * theta[1] ** 2),
        gradient=lambda theta: curvatures * theta,
        curvature=lambda _: np.diag(curvatures),
        start=(-2.0, 1.0),
        minima=((0.0, 0.0),),
        shown=((-2.4, 2.4), (-1.5, 1.5)),
    )


def _valley() -> Surface:
    """Return Rosenbrock's curved valley, a sum of two squares r = (1 − x, 10 (y − x²)), whose matrix is 2 JᵀJ."""

    def gradient(theta: Point) -> Point:
        x, y = theta
        return np.array([-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)])

    def curvature(theta: Point) -> Point:
        J = np.array([[-1.0, 0.0], [-20.0 * theta[0], 10.0]])
        return np.asarray(2.0 * J.T @ J)

    return Surface(
        name="valley",
        formula="(1 − x)² + 100 (y − x²)²",
        value=lambda theta: (1.0 - theta[0]) ** 2 + 100.0 * (theta[1] - theta[0] ** 2) ** 2,
        gradient=gradient,
        curvature=curvature,
        start=(-1.2, 1.0),
        minima=((1.0, 1.0),),
        shown=((-2.0, 2.0), (-0.7, 1.8)),
        power=3,
    )


def _one_dimension() -> Surface:
    """Return a curve with a global minimum on the left and a local one on the right."""
    minima = sorted(np.roots([1.0, 0.0, -2.0, 0.3]).real.tolist())
    return Surface(
        name="one-dimension",
        formula="¼ x⁴ − x² + 0.3 x",
        value=lambda theta: 0.25 * theta[0] ** 4 - theta[0] ** 2 + 0.3 * theta[0],
        gradient=lambda theta: theta**3 - 2.0 * theta + 0.3,
        curvature=lambda theta: np.maximum(3.0 * theta**2 - 2.0, 0.0)[:, None],
        start=(2.0,),
        minima=((minima[0],), (minima[2],)),
        shown=((-2.4, 2.4),),
    )
