"""`mnistnn export`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import printable

_SCHEMA_VERSION = 1

# A test holds them to the table in analysis/export/formats.py.
FORMATS = ("onnx", "safetensors", "npz", "features", "csv", "tensorboard")


@click.command(cls=MnistnnCommand)
@click.argument("references", nargs=-1, required=True, metavar="RUN...")
@RUNS
@click.option("--to", required=True, type=click.Choice(FORMATS), help="The format.")
@CHECKPOINT
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write to this file (tensorboard: folder).  [default: the run's id]"
)
@click.option(
    "--without-preprocess", is_flag=True, help="For onnx: the model alone, which is to be given preprocessed images."
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(
    references: tuple[str, ...],
    runs: Path,
    to: str,
    checkpoint: str,
    out: Path | None,
    without_preprocess: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Hand a result to other tools.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'.

    onnx is the model with its preprocessing, as a program for other runtimes. It reads pixels (n, h, w) of 0 to 255 and
    gives scores and probabilities. Before it is written, ONNX Runtime classifies 1,000 validation digits with it, and
    must find what mnistnn finds; else the exit code is 9.

    safetensors and npz are the parameters by name, for any framework, and for NumPy. features is what the transform of
    that name takes as its file: the features of an rbm, for another experiment to learn from. csv is what was measured
    along training, of one run or several. tensorboard is the same with weights and filters, in a folder for
    TensorBoard.

    onnx and tensorboard need 'mnistnn[export]'. Nothing is written if anything is wrong; no test digit is read.
    """
    from dataclasses import asdict

    from mnistnn.analysis.export.export import Wish
    from mnistnn.analysis.export.export import export as write
    from mnistnn.analysis.export.onnx_check import described

    written = write(references, runs, Wish(to, checkpoint, out, force, without_preprocess), _warn)
    if as_json:
        said = {"schema_version": _SCHEMA_VERSION, **asdict(written), "path": str(written.path)}
        click.echo(json.dumps(said))
    elif written.check is not None:
        click.echo(f"checked with {described(written.check)}")
    if not settings().quiet:
        click.echo(printable(f"wrote {written.path} ({written.bytes / 1000:,.0f} kB)"), err=True)


def _warn(text: str) -> None:
    click.echo(printable(text), err=True)
