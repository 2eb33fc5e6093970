"""`mnistnn whiten`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.options import finite
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.preprocess.whiten import Whiten

_SCHEMA_VERSION = 1
_TRANSFORM, _PICTURE = "transform.safetensors", "picture.png"


@click.command(cls=MnistnnCommand)
@click.option("--data", default="mnist", show_default=True, metavar="NAME", help="The data set.")
@click.option(
    "--method",
    type=click.Choice(["pca", "zca"]),
    default="pca",
    show_default=True,
    help="pca reduces dimensions; zca keeps images.",
)
@click.option(
    "--epsilon",
    type=click.FloatRange(min=0),
    callback=finite,
    default=1e-5,
    show_default=True,
    help="Added to each variance before dividing by its root.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(min=0),
    callback=finite,
    default=1e-5,
    show_default=True,
    help="Drop directions with no more variance than this.",
)
@click.option("--dimensions", type=click.IntRange(min=1), metavar="N", help="Keep at most N directions.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for transform and picture; whitening/<data>-<method> if not given.",
)
@click.option("--force", is_flag=True, help="Replace what an earlier call wrote there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def whiten(
    data: str,
    method: Literal["pca", "zca"],
    epsilon: float,
    threshold: float,
    dimensions: int | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Fit and save a whitening transform.

    It is fitted on the training split: the first 50000 digits of mnist. The spectrum is printed, the transform saved
    for experiments to name, and a picture of mean, spectrum and eigen-digits drawn.
    """
    from mnistnn.analysis.inspection import whitening as analysis
    from mnistnn.data.splits import default_data, describe, ensure_available
    from mnistnn.errors import ResourceError, UsageError
    from mnistnn.preprocess.whiten import Whiten
    from mnistnn.run import transforms
    from mnistnn.storage.writing import write_atomically
    from mnistnn.types import ShapeError

    transform = Whiten(method=method, epsilon=epsilon, threshold=threshold, dimensions=dimensions)
    info = describe(data)
    folder = out or Path("whitening", f"{data}-{method}")
    saved, picture = folder / _TRANSFORM, folder / _PICTURE
    taken = [str(path) for path in (saved, picture) if path.exists()]
    if taken and not force:
        raise UsageError(f"{' and '.join(taken)}: there already; --force replaces, --out names another folder")
    ensure_available(data, progress=not settings().quiet)
    try:
        examples = analysis.fit_on_training_split(transform, default_data(data))
    except ShapeError as error:
        raise UsageError(str(error)) from error
    _make_folder(folder)
    transforms.write(saved, transform.type, transform.tensors())
    drawn: str | None = None
    try:
        content = analysis.draw(transform, info.image_shape, f"{data}: {examples:,} training images")
    except ResourceError as error:
        click.echo(f"warning: no picture: {error}", err=True)
    else:
        write_atomically(picture, content)
        drawn = str(picture)
    if as_json:
        report = {
            "schema_version": _SCHEMA_VERSION,
            "dataset": data,
            "examples": examples,
            "method": method,
            "epsilon": epsilon,
            "threshold": threshold,
            "dimensions": dimensions,
            "inputs": len(transform.variances),
            "kept": transform.kept,
            "energy_kept": transform.energy_kept,
            "variances": transform.variances.tolist(),
            "transform": str(saved),
            "picture": drawn,
        }
        click.echo(json.dumps(report))
        return
    _print(transform, data, examples)
    for path in (str(saved), drawn):
        if path is not None:
            click.echo(printable(f"wrote {path}"))
    click.echo("\nto use it in an experiment:\n")
    for line in _yaml_lines(transform, str(saved)):
        click.echo(printable(line))


def _make_folder(folder: Path) -> None:
    from mnistnn.storage.writing import resource_error

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise resource_error(folder, error) from error


def _print(transform: Whiten, data: str, examples: int) -> None:
    """Print the spectrum at a few ranks, and what is kept."""
    from mnistnn.analysis.inspection.whitening import spectrum_rows

    click.echo(printable(f"{data}: {examples:,} training images"))
    click.echo(f"{'rank':>6}  {'variance':>10}  energy up to here")
    for rank, variance, energy in spectrum_rows(transform):
        note = "  <- the last one kept" if rank == transform.kept else ""
        click.echo(f"{rank:>6}  {variance:>10.3g}  {100 * energy:8.3f} %{note}")
    click.echo(
        f"kept: {transform.kept} of {len(transform.variances)} dimensions, "
        f"{100 * transform.energy_kept:.4f} % of the energy"
    )


def _yaml_lines(transform: Whiten, path: str) -> list[str]:
    """Return the lines of an experiment file that take the saved transform."""
    from mnistnn.config.dump import scalar_yaml

    keys = {
        "type": transform.type,
        "method": transform.method,
        "epsilon": transform.epsilon,
        "threshold": transform.threshold,
        "file": path,
    }
    pairs = ", ".join(f"{key}: {scalar_yaml(value)}" for key, value in keys.items())
    return ["preprocess:", f"  - {{{pairs}}}"]
