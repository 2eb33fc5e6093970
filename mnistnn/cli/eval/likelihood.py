"""What `mnistnn eval` does with a model of energies: its likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.eval.claim import claim_of_nats
from mnistnn.cli.eval.report_result import Asked, measured_what, tell

if TYPE_CHECKING:
    from mnistnn.analysis.evaluation.likelihood import Likelihood, Partition


def measure_machine(asked: Asked, annealing: dict[str, Any]) -> None:
    """Measure an energy model and print what was found. Raises as `tell`."""
    from mnistnn.analysis.evaluation.likelihood import Annealing, measure
    from mnistnn.cli.progress import progress

    def measured() -> Likelihood:
        with progress() as watch:
            return measure(asked.run, asked.split, asked.checkpoint, Annealing(**annealing), asked.warn, watch)

    band = asked.on_test(asked.expected.test_log_likelihood)
    claim = claim_of_nats(f"{asked.split} log-likelihood", band, asked.expected.source)
    tell(asked, claim, measured, lambda found: found.log_likelihood, _show)


def _show(result: Likelihood, claim: str | None) -> None:
    click.echo(f"{measured_what(result)}, {result.examples:,} images")
    z = result.partition
    click.echo(f"log-likelihood    {result.log_likelihood:.2f} nats{_interval(z, -1, result.log_likelihood + z.value)}")
    if result.reverse is not None:
        other = result.log_likelihood + z.value - result.reverse.value
        click.echo(f"  from the other side {other:.2f}{_interval(result.reverse, -1, result.log_likelihood + z.value)}")
    click.echo(f"log Z             {z.value:.3f}, {z.method}{_interval(z, 1, 0.0)}")
    if result.pseudo_likelihood is not None:
        click.echo(
            f"pseudo-likelihood {result.pseudo_likelihood:.2f} (all pixels of {result.pseudo_examples:,} images)"
        )
    if result.reconstruction_nll is not None:
        click.echo(f"reconstruction    {-result.reconstruction_nll:.2f}")
    if claim is not None:
        click.echo(f"claim             {claim}")


def _interval(z: Partition, sign: int, offset: float) -> str:
    """Say within which bounds a figure is that contains log Z with a sign; nothing where that is exact."""
    if z.method == "exact":
        return ""
    ends = [None if end is None else offset + sign * end for end in (z.low, z.high)]
    low, high = ends if sign > 0 else reversed(ends)
    said = [f"{end:.2f}" if end is not None else "?" for end in (low, high)]
    return f" (three standard errors: {said[0]} to {said[1]})"
