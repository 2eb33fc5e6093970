"""What `mnistnn eval` does with a model of energies: its likelihood."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.claim import Claim, claim_of_nats
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.likelihood import Likelihood, Partition
    from mnistnn.config.schema import Expect
    from mnistnn.run.directory import RunDirectory


def measure_machine(
    run: RunDirectory,
    split: str,
    checkpoint: str,
    annealing: dict[str, Any],
    expect: bool,
    expected: Expect,
    warn: Callable[[str], None],
    as_json: bool,
) -> None:
    """Measure an energy model and print what was found. Raises CheckFailedError if that was not to be expected."""
    from dataclasses import asdict

    from mnistnn.analysis.likelihood import Annealing, measure
    from mnistnn.cli.progress import progress

    band = expected.test_log_likelihood if split == "test" else None
    claim = claim_of_nats(f"{split} log-likelihood", band, expected.source)
    if expect:
        claim.refuse_if_none(run)
    with progress() as watch:
        result = measure(
            run,
            split,  # type: ignore[arg-type] # click checked the choice
            checkpoint,
            Annealing(**annealing),
            warn,
            watch,
        )
    if as_json:
        click.echo(json.dumps(asdict(result)))
    else:
        _print_likelihood(result, claim)
    if expect:
        claim.hold(result.log_likelihood)


def _print_likelihood(result: Likelihood, claim: Claim) -> None:
    from mnistnn.analysis import ledger

    click.echo(
        f"{printable(result.run)}, {result.split} split, "
        f"checkpoint {printable(result.checkpoint)} (epoch {result.epoch:.6g}), {result.examples:,} images"
    )
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
    if said := claim.said(result.log_likelihood):
        click.echo(f"claim             {said}")
    if result.split == "test":
        click.echo(ledger.said(result.test_readings))


def _interval(z: Partition, sign: int, offset: float) -> str:
    """Say within which bounds a figure is that contains log Z with a sign; nothing where that is exact."""
    if z.method == "exact":
        return ""
    ends = [None if end is None else offset + sign * end for end in (z.low, z.high)]
    low, high = ends if sign > 0 else reversed(ends)
    said = [f"{end:.2f}" if end is not None else "?" for end in (low, high)]
    return f" (three standard errors: {said[0]} to {said[1]})"
