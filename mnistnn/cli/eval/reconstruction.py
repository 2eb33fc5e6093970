"""What `mnistnn eval` does with an autoencoder: how well it gives images back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mnistnn.cli.eval.claim import claim_of_nats
from mnistnn.cli.eval.report_result import Asked, measured_what, tell

if TYPE_CHECKING:
    from mnistnn.analysis.evaluation.reconstruction import GivenBack


def measure_autoencoder(asked: Asked) -> None:
    """Measure an autoencoder and print what was found. Raises as `tell`."""
    from mnistnn.analysis.evaluation.reconstruction import measure

    band = asked.on_test(asked.expected.test_reconstruction)
    tell(
        asked,
        claim_of_nats(f"{asked.split} reconstruction", band, asked.expected.source),
        lambda: measure(asked.run, asked.split, asked.checkpoint, asked.warn),
        lambda found: found.loss,
        _show,
    )


def _show(found: GivenBack, claim: str | None) -> None:
    click.echo(f"{measured_what(found)}, {found.examples:,} images")
    hidden = f", {100 * found.corruption:.3g} % of the pixels hidden" if found.corruption else ""
    click.echo(f"reconstruction  {found.loss:.2f} nats{hidden}")
    if found.corruption:
        click.echo(f"  of whole images {found.reconstruction_nll:.2f}")
    click.echo(f"squared error   {found.squared_error:.5f} for each pixel")
    if claim is not None:
        click.echo(f"claim           {claim}")
