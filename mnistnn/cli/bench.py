"""`mnistnn bench`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.terminal import printable

_ASKED_OF_THE_SYSTEM = ("sched_getaffinity", "sched_setaffinity", "wait4")
"""What keeps a contender on some cores, and tells the memory that a process took. Windows has none of it."""


@click.command(cls=MnistnnCommand)
@click.option("--quick", is_flag=True, help="A few workloads, in under two minutes.")
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to compute."
)
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of every contender.  [default: all cores]")
@click.option("--peers", type=click.Path(path_type=Path), help="The Python of an environment with PyTorch, JAX, ….")
@click.option("--rounds", type=click.IntRange(1, 1000), default=8, show_default=True, help="Turns of each contender.")
@click.option("--out", type=click.Path(path_type=Path), help="Write all measurements to this JSON file.")
@click.option("--compare", type=click.Path(path_type=Path), help="Exit with 9 if a ratio to the limit is worse.")
@click.option(
    "--section", "sections", multiple=True, metavar="NAME", help="Measure this section only: steps, fitted, …."
)
@click.option("--page", is_flag=True, help="Renew benchmarks/results and BENCHMARKS.md, with its plot.")
def bench(
    quick: bool,
    device: str,
    threads: int | None,
    peers: Path | None,
    rounds: int,
    out: Path | None,
    compare: Path | None,
    sections: tuple[str, ...],
    page: bool,
) -> None:
    """Time training beside PyTorch, JAX and scikit-learn.

    And beside the matrix products alone, which no step can undercut. Runs on Linux, in a checkout of mnistnn, whose
    benchmarks/ holds the workloads; `make benchmark` makes an environment for the peers. Without --peers, only the
    limit is there to compare with. With --section the other sections of the page stay as they were. The measurements
    are medians of processes that take turns; ratios say more than times.
    """
    from mnistnn.errors import CheckFailedError, ResourceError, UsageError

    if not all(hasattr(os, name) for name in _ASKED_OF_THE_SYSTEM):
        raise ResourceError("bench measures on Linux only: this system does not keep processes on some of its cores")
    if sections and quick:
        raise UsageError("--quick takes a few workloads of all sections, and does not go with --section")
    if page and quick:
        raise UsageError("--page needs all measurements, and --quick takes a few: leave out one of the two")
    root = Path(__file__).resolve().parents[2]
    if not (root / "benchmarks").is_dir():
        raise UsageError("bench needs a checkout of mnistnn: this installation has no benchmarks/ beside it")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    from benchmarks import publish, results
    from benchmarks.suite import Options, Suite
    from benchmarks.table import SECTIONS, as_text

    if unknown := [section for section in sections if section not in SECTIONS]:
        raise UsageError(f"--section: there is no section '{unknown[0]}'; there are {', '.join(SECTIONS)}")
    before = None if compare is None else results.read(compare)
    options = Options(
        device,  # type: ignore[arg-type] # click checked the choice
        quick,
        threads,
        # As typed it would mean another file in the folders that processes are started in.
        None if peers is None else peers.absolute(),
        rounds,
        sections,
    )
    found = Suite(options, _note, _warn).run()
    for key, section in SECTIONS.items():
        if rows := found.of(key):
            click.echo(f"\n{section.title}")
            for line in as_text(section, rows):
                click.echo(line)
    if out is not None:
        results.write(found, out)
    if page:
        publish.publish(found, root, sections)
    if before is not None and (lost := results.losses(found, before)):
        raise CheckFailedError("slower than in the file to compare with:\n" + "\n".join(f"  {text}" for text in lost))


def _note(text: str) -> None:
    if not settings().quiet:
        click.echo(printable(text), err=True)


def _warn(text: str) -> None:
    click.echo(printable(text), err=True)
