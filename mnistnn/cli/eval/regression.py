"""What `mnistnn eval` does with a model that tells numbers: how far off they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mnistnn.cli.eval.claim import Claim
from mnistnn.cli.eval.report_result import Asked, measured_what, tell

if TYPE_CHECKING:
    from mnistnn.analysis.evaluation.regression import Regression


def measure_numbers(asked: Asked) -> None:
    """Measure a model that tells numbers, and print what was found. Raises as `tell`."""
    from mnistnn.analysis.evaluation.regression import measure

    band, source = asked.on_test(asked.expected.test_loss), asked.expected.source
    tell(
        asked,
        Claim(f"{asked.split} loss", band, source, _few_digits, _few_digits, "mean squared error"),
        lambda: measure(asked.run, asked.split, asked.checkpoint, asked.warn),
        lambda found: found.loss,
        _show,
    )


def _show(found: Regression, claim: str | None) -> None:
    click.echo(f"{measured_what(found)}, {found.numbers:,} numbers of {found.examples:,} sequences")
    explained = "" if found.explained is None else f", {100 * found.explained:.2f} % of it explained"
    click.echo(f"mean squared error {found.loss:.5g}, its root {found.root:.5g}")
    click.echo(f"  of always telling the mean {found.of_mean:.5g}{explained}")
    if claim is not None:
        click.echo(f"claim {claim}")


def _few_digits(value: float) -> str:
    return f"{value:.4g}"
