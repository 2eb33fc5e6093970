"""The options of `mnistnn plot --surface`, and what it does."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mnistnn.cli import output
from mnistnn.cli.options import finite
from mnistnn.cli.terminal import printable

_STEPS = 50
_MOST_STEPS = 10_000


@dataclass(frozen=True)
class Asked:
    """What is asked for of a surface. `surface` is None where curves of runs are to be drawn."""

    surface: str | None
    rules: tuple[str, ...]
    steps: int
    start: list[float] | None
    condition: float | None
    noise: float | None
    seed: int | None


OF_SURFACES = tuple(field.name for field in fields(Asked))


class _Coordinates(click.ParamType[list[float]]):
    """One number or two, with a comma between them."""

    name = "coordinates"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        try:
            return [float(part) for part in str(value).split(",")]
        except ValueError:
            return self.fail(f"expected X or X,Y, such as -2,1, got '{value}'", param, ctx)


_OPTIONS = (
    click.option(
        "--surface",
        metavar="NAME",
        help="Instead of runs, draw paths on a surface: bowl, an elongated one; valley, Rosenbrock's; or "
        "one-dimension, a curve with a local minimum and a global one.",
    ),
    click.option(
        "--rule",
        "rules",
        multiple=True,
        metavar="'TYPE KEY=VALUE…'",
        help="Of a surface: draw the path of this optimizer, with settings as optimizer.KEY=VALUE has them; can be "
        "repeated.",
    ),
    click.option(
        "--steps",
        type=click.IntRange(1, _MOST_STEPS),
        default=_STEPS,
        show_default=True,
        help="Of a surface: the steps of each path; each counts as an epoch.",
    ),
    click.option(
        "--start", type=_Coordinates(), metavar="X[,Y]", help="Of a surface: where paths start; a place in the picture."
    ),
    click.option(
        "--condition",
        type=click.FloatRange(1, 1e6),
        callback=finite,
        metavar="NUMBER",
        help="Of the bowl: how many times its curvature along y is that along x, which is 1; if not given, 10.",
    ),
    click.option(
        "--noise",
        type=click.FloatRange(0, min_open=True),
        callback=finite,
        metavar="DEVIATION",
        help="Of a surface: add random numbers of this standard deviation to each derivative, as mini-batches do.",
    ),
    click.option("--seed", type=click.IntRange(0), help="Of --noise: which random numbers; if not given, 0."),
)


def surface_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a surface, collected in its argument `asked`."""

    @wraps(function)
    def collected(**given: Any) -> None:
        function(asked=Asked(**{name: given.pop(name) for name in OF_SURFACES}), **given)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


def refuse(context: click.Context, names: Collection[str], why: str) -> None:
    """Raise UsageError for the first option or argument among some that was given."""
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in names and context.get_parameter_source(name) == ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{parameter.opts[0] if isinstance(parameter, click.Option) else 'an argument RUN'} {why}"
            )


def draw_surface(
    asked: Asked, out: Path, force: bool, width: float | None, height: float | None, title: str, labels: tuple[str, ...]
) -> None:
    """Draw a surface with the paths of rules, and print where each of them ends."""
    from mnistnn.analysis.plots.paper_style import format_of
    from mnistnn.analysis.plots.surface_figure import SurfaceForm, surface_figure
    from mnistnn.analysis.plots.surface_paths import Noise, called, path_of, update_rule
    from mnistnn.analysis.plots.surfaces import started, surface

    assert asked.surface is not None
    if asked.seed is not None and asked.noise is None:
        raise click.UsageError("--seed chooses the random numbers of --noise")
    form = SurfaceForm(format_of(out), width, height, title)
    output.prepare(out, force, output.FIGURE)
    drawn = surface(asked.surface, asked.condition)
    start = started(drawn, asked.start)
    rules = called([update_rule(text) for text in asked.rules], labels)
    noise = None if asked.noise is None else Noise(asked.noise, asked.seed or 0)
    paths = [path_of(rule, drawn, start, asked.steps, noise) for rule in rules]
    for path in paths:
        if path.left is not None:
            click.echo(printable(f"warning: {path.label}: step {path.left} leaves the picture"), err=True)
    output.write(out, surface_figure(drawn, paths, start, form))
    for path in paths:
        click.echo(printable(path.said()))
