"""`mnistnn reproduce`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.found import found_run
from mnistnn.cli.options import RUNS
from mnistnn.cli.parameters import Seeds
from mnistnn.cli.terminal import printable
from mnistnn.runner.bars import can_draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mnistnn.reproduction.member import Member
    from mnistnn.reproduction.systems import System

_EXPERIMENTS = Path("experiments")
_RESULTS = _EXPERIMENTS / "results"
_TABLE = "RESULTS.md"
_HISTORY_PAGE = Path("docs/guides/history.md")


@click.command(cls=MnistnnCommand)
@click.argument("names", nargs=-1, metavar="[FILE|GROUP]...")
@click.option("--seeds", type=Seeds(), default="0", show_default=True, help="One run for each: 0..4 or 0,3,7.")
@click.option("--all", "everything", is_flag=True, help="Every experiment that makes a claim; takes hours.")
@click.option("--quick", is_flag=True, help="Of history: the short form of each system, all of them in some minutes.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=_RESULTS,
    show_default=True,
    help=f"Folder of the records. Any but the default one gets its own {_TABLE}.",
)
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where to compute."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Of committees: so many members at a time.",
)
@RUNS
@click.option(
    "--from",
    "done",
    multiple=True,
    metavar="RUN",
    help="Record a run that is there, and train nothing; once for each seed.",
)
@click.option("--unfinished", is_flag=True, help="With --from: also of a run that is not at its end.")
@click.option("--remark", metavar="TEXT", help="What the records are to say besides, such as what else was running.")
@click.option("--table-only", is_flag=True, help=f"Train nothing; renew {_TABLE} from the records.")
@click.option(
    "--out",
    "figure",
    type=click.Path(path_type=Path),
    help="Of history: draw error against year in this file: .pdf, .svg or .png.",
)
@click.option("--force", is_flag=True, help="Replace the file of --out.")
def reproduce(
    names: tuple[str, ...],
    seeds: list[int],
    everything: bool,
    quick: bool,
    results: Path,
    device: Literal["cpu", "cuda"],
    workers: int,
    runs: Path,
    done: tuple[str, ...],
    unfinished: bool,
    remark: str | None,
    table_only: bool,
    figure: Path | None,
    force: bool,
) -> None:
    """Run experiments and hold them to their claims.

    A GROUP is a folder of experiments/, or quick, the default: what experiments/quick.txt lists. history stands for the
    systems of its table, which is printed at the end. An experiment's record is replaced, whatever seeds the old one
    had; the exit code is 9 if any error lies outside of its band.
    """
    from mnistnn.errors import CheckFailedError
    from mnistnn.reproduction.collection import histories_of, select
    from mnistnn.reproduction.table import renew_table

    everywhere, systems = histories_of(_EXPERIMENTS), histories_of(_EXPERIMENTS, names)
    _refuse_contradictions(names, systems, everything, quick, done, unfinished, table_only)
    if figure is not None:
        _prepare_figure(figure, force, systems)
    failures: list[str] = []
    members: list[Member] = []
    if done:
        members = select(_EXPERIMENTS, names)
        failures = _record_runs(members, done, runs, unfinished, remark, results)
    elif not table_only:
        members = select(_EXPERIMENTS, names, everything, quick)
        failures = _train(members, seeds, device, workers, runs, remark, results)
    table = Path(_TABLE) if results == _RESULTS else results / _TABLE
    renew_table(_EXPERIMENTS, results, table)
    _show_history(everywhere, systems, results, figure)
    click.echo(f"results: {printable(str(table))}")
    if failures:
        listed = "\n".join(f"  {failure}" for failure in failures)
        raise CheckFailedError(f"{len(failures)} of {len(members)} experiments were not reproduced:\n{listed}")


def _refuse_contradictions(
    names: tuple[str, ...],
    systems: list[System],
    everything: bool,
    quick: bool,
    done: tuple[str, ...],
    unfinished: bool,
    table_only: bool,
) -> None:
    if everything and names:
        raise click.UsageError("--all takes every experiment and goes with no names")
    if table_only and (everything or quick or done):
        raise click.UsageError("--table-only trains nothing and goes with none of --all, --quick and --from")
    if table_only and names and not systems:
        raise click.UsageError(
            "--table-only trains nothing and goes with no names, but for history, whose table it prints"
        )
    if done and (len(names) != 1 or quick):
        raise click.UsageError("--from records runs of one experiment: name its file")
    if unfinished and not done:
        raise click.UsageError("--unfinished goes with --from")


def _prepare_figure(figure: Path, force: bool, systems: list[System]) -> None:
    from mnistnn.analysis.plots.paper_style import format_of

    if not systems:
        raise click.UsageError("--out draws a history: name it")
    format_of(figure)
    output.prepare(figure, force, output.FIGURE)


def _train(
    members: Sequence[Member],
    seeds: list[int],
    device: Literal["cpu", "cuda"],
    workers: int,
    runs: Path,
    remark: str | None,
    results: Path,
) -> list[str]:
    from mnistnn.cli.engine import trainer_of
    from mnistnn.reproduction.reproduce import Conditions, reproduce
    from mnistnn.runner import session
    from mnistnn.runner.signals import StopRequest
    from mnistnn.sweep.planning import most_threads

    # The runs' own lines would bury the results.
    shown = settings().verbose
    verbosity = session.Verbosity(shown=shown, bars=shown and can_draw(sys.stderr))
    with StopRequest() as stop, trainer_of(runs, workers, None) as trainer:
        conditions = Conditions(seeds, device, runs, verbosity, stop, trainer, most_threads(workers), remark)
        return reproduce(members, conditions, results, _tell)


def _record_runs(
    members: Sequence[Member],
    done: tuple[str, ...],
    runs: Path,
    unfinished: bool,
    remark: str | None,
    results: Path,
) -> list[str]:
    from mnistnn.reproduction.from_runs import record_of_runs
    from mnistnn.reproduction.reproduce import record_each

    if len(members) != 1:
        raise click.UsageError("--from records runs of one experiment: name its file")
    found = [found_run(reference, runs) for reference in done]
    record = record_of_runs(members[0], found, unfinished, remark, _tell)
    return record_each(members, results, _tell, lambda _: record)


def _show_history(everywhere: list[System], systems: list[System], results: Path, figure: Path | None) -> None:
    """Put the table of the systems of all histories into its page of the project; print and draw that of those that
    are named.
    """
    from mnistnn.reproduction.history import history_lines, places_of, put_into
    from mnistnn.reproduction.record import read_records

    records = read_records(results)
    lines = history_lines(systems, records) if systems else []
    if results == _RESULTS:
        put_into(_HISTORY_PAGE, lines if systems == everywhere else history_lines(everywhere, records))
    for line in lines:
        click.echo(printable(line))
    if figure is not None:
        from mnistnn.analysis.plots.history_figure import history_figure

        output.write(figure, history_figure(places_of(systems, records), figure))


def _tell(text: str) -> None:
    if not settings().quiet:
        click.echo(printable(text), err=True)
