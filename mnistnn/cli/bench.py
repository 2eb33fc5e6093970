"""`mnistnn bench`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.terminal import printable

_PLOT = "benchmarks/steps.svg"


@click.command(cls=MnistnnCommand)
@click.option("--quick", is_flag=True, help="A few workloads, in under two minutes.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of every contender.  [default: all cores]")
@click.option("--peers", type=click.Path(path_type=Path), help="The Python of an environment with PyTorch or JAX.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=8, show_default=True, help="Turns of each contender.")
@click.option("--out", type=click.Path(path_type=Path), help="Write all figures to this JSON file.")
@click.option("--compare", type=click.Path(path_type=Path), help="Exit with 9 if a ratio to the limit is worse.")
@click.option("--page", is_flag=True, help="Write BENCHMARKS.md and its plot.")
def bench(
    quick: bool,
    threads: int | None,
    peers: Path | None,
    rounds: int,
    out: Path | None,
    compare: Path | None,
    page: bool,
) -> None:
    """Time training steps beside those of PyTorch and JAX.

    And beside the matrix products alone, which no step can undercut. Runs in a checkout of mnistnn, whose benchmarks/
    holds the workloads; `make benchmark` makes an environment for the peers. Without --peers, only the limit is there
    to compare with. The figures are medians of processes that take turns; ratios say more than times.
    """
    from mnistnn.errors import CheckFailedError, UsageError
    from mnistnn.files import write_atomically
    from mnistnn.machine import usable_cores
    from mnistnn.run.provenance import describe_environment

    root = Path(__file__).resolve().parents[2]
    if not (root / "benchmarks").is_dir():
        raise UsageError("bench needs a checkout of mnistnn: this installation has no benchmarks/ beside it")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    from benchmarks import report
    from benchmarks.measure import measure, this_python
    from benchmarks.workloads import QUICK, WORKLOADS

    before = None if compare is None else _read(compare)
    count = threads or usable_cores()
    rows = []
    for workload in [WORKLOADS[i] for i in QUICK] if quick else WORKLOADS:
        if not settings().quiet:
            click.echo(workload.name, err=True)
        kinds = [(kind, this_python()) for kind in ("ours", "ours-numpy", "limit")]
        if peers is not None:
            layouts = ["torch-eager", "torch-last"] if workload.is_convolutional else ["torch-eager"]
            compiled = [] if quick else ["torch-compiled", "jax"]  # which takes longer than the timing
            kinds += [(kind, peers) for kind in (*layouts, *compiled)]
        timings, failures = measure(workload, kinds, count, max(2, rounds // 2) if quick else rounds)
        for failure in failures:
            click.echo(printable(f"left out: {failure}"), err=True)
        rows.append(report.Row(workload, timings))
    for line in report.table(rows):
        click.echo(line)
    if out is not None:
        data = report.as_data(rows, describe_environment("cpu", None, count, {}))
        write_atomically(out, (json.dumps(data, indent=2) + "\n").encode())
    if page:
        report.draw(rows, root / _PLOT)
        write_atomically(root / "BENCHMARKS.md", report.markdown(rows, count, _PLOT).encode())
    if before is not None and (lost := report.losses(rows, before)):
        raise CheckFailedError("slower than in the file to compare with:\n" + "\n".join(f"  {text}" for text in lost))


def _read(path: Path) -> dict[str, object]:
    from mnistnn.errors import UsageError

    try:
        data: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data["rows"], list):
            raise TypeError("rows is no list")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--compare: {path} is not readable as figures of a benchmark ({error})") from error
    return data
