"""`mnistnn inspect component`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.inspect.trained_options import JSON, SCHEMA_VERSION
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.inspection.component.findings import Finding
    from mnistnn.analysis.inspection.component.subject import Subject
    from mnistnn.types import Shape

_MOST_AXES, _LONGEST_AXIS = 4, 1024


class _InputShape(click.ParamType[tuple[int, ...]]):
    """The shape of an example: 28x28."""

    name = "shape"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shape:
        if isinstance(value, tuple):
            return value
        parts = str(value).replace("×", "x").split("x")
        if len(parts) > _MOST_AXES or not all(part.isdecimal() and 0 < len(part) < 5 for part in parts):
            self.fail(f"expected the shape of an example, such as 28x28, got {value!r:.60}", param, ctx)
        shape = tuple(map(int, parts))
        if not all(1 <= size <= _LONGEST_AXIS for size in shape):
            self.fail(f"an axis has 1 to {_LONGEST_AXIS} numbers", param, ctx)
        return shape


@click.command(cls=MnistnnCommand)
@click.argument("target", metavar="FILE.py|TYPE")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--type", "only", metavar="TYPE", help="Of a file with several components: the one of this type.")
@click.option(
    "--input-shape", "shape", type=_InputShape(), help="Try a layer or a transform with examples of this shape: 28x28."
)
@JSON
def component(target: str, settings: tuple[str, ...], only: str | None, shape: Shape | None, as_json: bool) -> None:
    """Ask of a component of your own what is asked of those of mnistnn.

    FILE.py is a file with layers, optimizers, losses, transforms, policies or fitted models, which is executed, and
    trusted on this machine from then on. TYPE is a component of mnistnn, such as dense. KEY=VALUE gives it a value;
    a key without default gets one that is made up.

    Each line is a claim, what was measured, and what is allowed: gradients beside finite differences (to 1e-6, in
    float64), dtypes, what is written to, memory, and whether a run that is killed and resumed has the same bits. Exit
    code 9 if a claim does not hold.
    """
    from mnistnn.analysis.inspection.component.judge import judge
    from mnistnn.analysis.inspection.component.subject import subjects_of
    from mnistnn.errors import CheckFailedError

    judged = [(each, list(judge(each, shape))) for each in subjects_of(target, settings, only)]
    if as_json:
        about = [_as_json(subject, found) for subject, found in judged]
        passed = all(each["passed"] for each in about)
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "passed": passed, "components": about}))
    else:
        for subject, found in judged:
            click.echo(printable(_title(subject)))
            for line in _lines(found):
                click.echo(printable(line))
    failed = [_failed(subject, found) for subject, found in judged if not _holds(found)]
    if failed:
        raise CheckFailedError("; ".join(failed))


def _holds(found: Sequence[Finding]) -> bool:
    return all(each.verdict != "FAILED" for each in found)


def _failed(subject: Subject, found: Sequence[Finding]) -> str:
    """Say how many claims do not hold, and the first of them."""
    wrong = [each for each in found if each.verdict == "FAILED"]
    made = sum(each.verdict != "left out" for each in found)
    return f"{subject.words}: {len(wrong)} of {made} claims do not hold: {wrong[0].sentence}: {wrong[0].measured}"


def _title(subject: Subject) -> str:
    if not subject.keys:
        return f"{subject.words}:"
    said = ", ".join(f"{key}={json.dumps(value)}" for key, value in subject.keys.items())
    made_up = f" ({', '.join(subject.made_up)}: made up)" if subject.made_up else ""
    return f"{subject.words}, {said}{made_up}:"


def _lines(found: Sequence[Finding]) -> list[str]:
    """Return a row for each finding; where the terminal has no room for it, two lines and more."""
    from mnistnn.cli.table import columns_of_terminal, table, wrapped

    rows = [(each.verdict, each.sentence, each.measured, each.allowed) for each in found]
    lines = table([("", "claim", "measured", "allowed"), *rows], "<<<<", width=1 << 20)
    if max(map(len, lines)) <= columns_of_terminal():
        return lines
    said = []
    for verdict, sentence, measured, allowed in rows:
        said.append(f"{verdict:<8}  {sentence}")
        said.append(f"{'':<10}{measured}" + (f"; allowed: {allowed}" if allowed else ""))
    return wrapped(said)


def _as_json(subject: Subject, found: Sequence[Finding]) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "type": subject.name,
        "place": subject.place,
        "keys": subject.keys,
        "made_up": list(subject.made_up),
        "passed": _holds(found),
        "claims": [
            {"claim": each.sentence, "measured": each.measured, "allowed": each.allowed, "verdict": each.verdict}
            for each in found
        ],
    }
