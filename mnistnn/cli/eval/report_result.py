"""What `mnistnn eval` does around each measurement, whatever the model: what is claimed, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeVar

import click

from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.cli.eval.claim import Claim
    from mnistnn.config.schema import Expect
    from mnistnn.run.directory import RunDirectory
    from mnistnn.types import SplitName


class Measured(Protocol):
    """A measurement: a dataclass with these fields among others."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def run(self) -> str: ...

    @property
    def split(self) -> SplitName: ...

    @property
    def checkpoint(self) -> str: ...

    @property
    def epoch(self) -> float: ...

    @property
    def test_readings(self) -> int: ...


Found = TypeVar("Found", bound=Measured)


class Asked(NamedTuple):
    """What `mnistnn eval` was asked.

    run, split, checkpoint  what to measure, on what
    expect                  whether a figure outside of what is claimed is an error
    expected                what the experiment claims
    as_json                 whether to print one JSON object
    warn                    is told of checkpoints that were passed over
    """

    run: RunDirectory
    split: SplitName
    checkpoint: str
    expect: bool
    expected: Expect
    as_json: bool
    warn: Callable[[str], None]

    def on_test(self, band: list[float] | None) -> list[float] | None:
        """Return a band that is claimed of the test split, if that is the split."""
        return band if self.split == "test" else None


def tell(
    asked: Asked,
    claim: Claim,
    measure: Callable[[], Found],
    figure: Callable[[Found], float],
    show: Callable[[Found, str | None], None],
) -> None:
    """Measure, print what was found, and hold the claimed figure to its band.

    `show` is given what is to be said of the claim, if anything. With `expect`, raises UsageError if nothing is
    claimed, and CheckFailedError if the figure is outside of what is.
    """
    from dataclasses import asdict

    from mnistnn.analysis.evaluation import test_reads

    if asked.expect:
        claim.refuse_if_none(asked.run)
    found = measure()
    if asked.as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        show(found, claim.said(figure(found)))
        if found.split == "test":
            click.echo(test_reads.said(found.test_readings))
    if asked.expect:
        claim.hold(figure(found))


def measured_what(found: Measured) -> str:
    """Say which parameters were measured, on what."""
    checkpoint = f"checkpoint {printable(found.checkpoint)} (epoch {found.epoch:.6g})"
    return f"{printable(found.run)}, {found.split} split, {checkpoint}"
