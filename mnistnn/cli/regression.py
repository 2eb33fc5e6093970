"""What `mnistnn eval` does with a model that tells numbers: how far off they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mnistnn.cli.claim import Claim
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.config.schema import Expect
    from mnistnn.run.directory import RunDirectory


def measure_numbers(
    run: RunDirectory,
    split: str,
    checkpoint: str,
    expect: bool,
    expected: Expect,
    warn: Callable[[str], None],
    as_json: bool,
) -> None:
    """Measure a model that tells numbers, and print what was found. Raises CheckFailedError if unexpected."""
    from dataclasses import asdict

    from mnistnn.analysis import ledger
    from mnistnn.analysis.regression import measure

    band = expected.test_loss if split == "test" else None
    claim = Claim(f"{split} loss", band, expected.source, _few_digits, _few_digits, "mean squared error")
    if expect:
        claim.refuse_if_none(run)
    found = measure(run, split, checkpoint, warn)  # type: ignore[arg-type] # click checked the choice
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        click.echo(
            f"{printable(found.run)}, {found.split} split, checkpoint {printable(found.checkpoint)} "
            f"(epoch {found.epoch:.6g}), {found.numbers:,} numbers of {found.examples:,} sequences"
        )
        explained = "" if found.explained is None else f", {100 * found.explained:.2f} % of it explained"
        click.echo(f"mean squared error {found.loss:.5g}, its root {found.root:.5g}")
        click.echo(f"  of always telling the mean {found.of_mean:.5g}{explained}")
        if said := claim.said(found.loss):
            click.echo(f"claim {said}")
        if found.split == "test":
            click.echo(ledger.said(found.test_readings))
    if expect:
        claim.hold(found.loss)


def _few_digits(value: float) -> str:
    return f"{value:.4g}"
