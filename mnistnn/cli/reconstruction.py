"""What `mnistnn eval` does with an autoencoder: how well it gives images back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mnistnn.cli.claim import claim_of_nats
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.config.schema import Expect
    from mnistnn.run.directory import RunDirectory


def measure_autoencoder(
    run: RunDirectory,
    split: str,
    checkpoint: str,
    expect: bool,
    expected: Expect,
    warn: Callable[[str], None],
    as_json: bool,
) -> None:
    """Measure an autoencoder and print what was found. Raises CheckFailedError if that was not to be expected."""
    from dataclasses import asdict

    from mnistnn.analysis import ledger
    from mnistnn.analysis.reconstruction import measure

    band = expected.test_reconstruction if split == "test" else None
    claim = claim_of_nats(f"{split} reconstruction", band, expected.source)
    if expect:
        claim.refuse_if_none(run)
    found = measure(run, split, checkpoint, warn)  # type: ignore[arg-type] # click checked the choice
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        click.echo(
            f"{printable(found.run)}, {found.split} split, "
            f"checkpoint {printable(found.checkpoint)} (epoch {found.epoch:.6g}), {found.examples:,} images"
        )
        hidden = f", {100 * found.corruption:.3g} % of the pixels hidden" if found.corruption else ""
        click.echo(f"reconstruction  {found.loss:.2f} nats{hidden}")
        if found.corruption:
            click.echo(f"  of whole images {found.reconstruction_nll:.2f}")
        click.echo(f"squared error   {found.squared_error:.5f} for each pixel")
        if said := claim.said(found.loss):
            click.echo(f"claim           {said}")
        if found.split == "test":
            click.echo(ledger.said(found.test_readings))
    if expect:
        claim.hold(found.loss)
