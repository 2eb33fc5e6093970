"""`mnistnn compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand
from mnistnn.cli.options import RUNS, UNFINISHED
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.analysis.comparison.compare import Comparison

_FIGURES_AS_CSV = ["runs", "seeds", "mean", "std", "low_95", "high_95", "best_epochs", "mean_seconds", "parameters"]


@click.command(cls=MnistnnCommand)
@click.argument("references", nargs=-1, required=True, metavar="RUN...")
@RUNS
@UNFINISHED
@click.option("--metric", help="The metric to compare, such as valid.loss; by default the one that the runs monitor.")
@click.option("--all-pairs", is_flag=True, help="Test each experiment against each, not only against the first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the table of experiments as CSV.")
@click.option("--md", "as_md", is_flag=True, help="Print the table of experiments as Markdown.")
@click.option("--latex", "as_latex", is_flag=True, help="Print the table of experiments as a LaTeX tabular.")
def compare(
    references: tuple[str, ...],
    runs: Path,
    unfinished: bool,
    metric: str | None,
    all_pairs: bool,
    as_json: bool,
    as_csv: bool,
    as_md: bool,
    as_latex: bool,
) -> None:
    """Compare experiments, and test the differences.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, 'latest', or a
    folder, which means all finished runs in it. Runs that differ in their seed alone are one experiment, shown as mean
    ± standard deviation. Compared is a metric at each run's best epoch. Differences are tested over the seeds that two
    experiments share, or on the validation examples if each has one run. The test split is never read; what `mnistnn
    eval` has found is shown of the experiment alone that validation chooses.
    """
    from mnistnn.analysis.comparison import compare_json
    from mnistnn.analysis.comparison.compare import compare
    from mnistnn.analysis.comparison.run_groups import load_runs
    from mnistnn.cli.compare_text import lines
    from mnistnn.errors import UsageError

    if as_json + as_csv + as_md + as_latex > 1:
        raise UsageError("--json, --csv, --md and --latex exclude each other")
    views, unreadable = load_runs(references, runs, unfinished)
    found = compare(views, metric, all_pairs)
    for text in compare_json.warnings_of(found, unreadable):
        click.echo(printable(f"warning: {text}"), err=True)
    if as_json:
        click.echo(json.dumps(compare_json.as_json(found, unreadable)))
    elif as_csv:
        click.echo(_as_csv(found), nl=False)
    else:
        for line in _markdown(found) if as_md else _latex(found) if as_latex else lines(found):
            click.echo(printable(line))


def _as_csv(found: Comparison) -> str:
    """Return the experiments as CSV: metrics as they are, errors as fractions, lists parted by blanks."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["experiment", "metric", *_FIGURES_AS_CSV])
    for each in found.experiments:
        low, high = each.interval_95 or (None, None)
        seeds, epochs = (" ".join(f"{value:.15g}" for value in values) for values in (each.seeds, each.best_epochs))
        seconds = sum(each.seconds) / len(each.seconds) if each.seconds else None
        metrics = [len(each.values), seeds, each.mean, each.deviation, low, high, epochs, seconds, each.parameters]
        writer.writerow([printable(each.label), found.metric, *metrics])
    return text.getvalue()


def _markdown(found: Comparison) -> list[str]:
    from mnistnn.analysis.comparison.comparison_text import cells, headings

    rows = [[each.label, *cells(each, found.metric)] for each in found.experiments]
    alignment = ["---", *["---:"] * (len(rows[0]) - 1)]
    return [f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in (headings(found), alignment, *rows)]


def _latex(found: Comparison) -> list[str]:
    """Return the experiments as a tabular that needs the package booktabs."""
    from mnistnn.analysis.comparison.comparison_text import cells, headings

    rows = [[each.label, *cells(each, found.metric)] for each in found.experiments]
    lines = [" & ".join(map(_in_latex, row)) + r" \\" for row in (headings(found), *rows)]
    columns = "l" + "r" * (len(rows[0]) - 1)
    head = ["% \\usepackage{booktabs}", rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    return [*head, lines[0], r"\midrule", *lines[1:], r"\bottomrule", r"\end{tabular}"]


_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--"}
_LATEX |= {character: f"\\{character}" for character in "&%$#_{}"} | {"…": r"\dots{}", "<": r"$<$", ">": r"$>$"}


def _in_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _escaped(text: str) -> str:
    """Return text that Markdown takes for nothing but text inside a table."""
    return "".join(f"\\{c}" if c in "\\|*<[`" else c for c in text)
