"""`mnistnn predict`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.found import found_run
from mnistnn.cli.options import CHECKPOINT, RUNS
from mnistnn.cli.terminal import can_show, printable

if TYPE_CHECKING:
    from mnistnn.analysis.evaluation.own_pictures import FailedPicture, PicturePrediction

_COLUMNS = 10
_DARK = {"auto": None, "yes": True, "no": False}


@click.command(cls=MnistnnCommand)
@click.argument("run", metavar="RUN")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE...")
@RUNS
@CHECKPOINT
@click.option(
    "--top", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="Show so many classes."
)
@click.option(
    "--invert",
    type=click.Choice(list(_DARK)),
    default="auto",
    show_default=True,
    help="Whether the ink is darker than the paper; auto finds out.",
)
@click.option("--as-is", is_flag=True, help="Give pictures of the data set's size to the model unchanged.")
@click.option("--out", type=click.Path(path_type=Path), help="Write what the model saw to this PNG file.")
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with all classes.")
def predict(
    run: str,
    images: tuple[Path, ...],
    runs: Path,
    checkpoint: str,
    top: int,
    invert: str,
    as_is: bool,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Classify your own pictures.

    RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or 'latest'. An IMAGE
    is a PNG, JPEG, PGM or .npy file with one digit, drawn or photographed, dark on light or light on dark. Its ink is
    found, fitted and centred like the images that the run was trained on, shown as the model sees it, and classified; a
    picture that is like these, in size and paper, is taken as it is. Nothing in the run changes.
    """
    from mnistnn.analysis.evaluation import own_pictures as analysis
    from mnistnn.errors import DataError, UsageError
    from mnistnn.experiment.trained import load_trained
    from mnistnn.extras import require

    output.prepare(out, force, output.PNG)
    if as_is and invert != "auto":
        raise UsageError("--as-is changes nothing, so it does not go with --invert")
    require("PIL", "reading pictures")
    trained = load_trained(found_run(run, runs), checkpoint)
    for problem in trained.passed_over:
        click.echo(printable(f"warning: passed over {problem}"), err=True)
    results = analysis.predict(trained, images, _DARK[invert], as_is)
    are_probabilities = analysis.has_probabilities(trained)
    predictions = [result for result in results if isinstance(result, analysis.PicturePrediction)]
    failed = [result for result in results if isinstance(result, analysis.FailedPicture)]
    if as_json:
        key = "probability" if are_probabilities else "score"
        found = [_as_json(result, key) for result in results]
        click.echo(json.dumps({"schema_version": analysis.SCHEMA_VERSION, "images": found}))
    else:
        for number, prediction in enumerate(predictions):
            unit = None if are_probabilities else trained.task.unit
            _print(prediction, top, unit, is_first=number == 0)
    if out is not None and predictions:
        _write(out, predictions)
    if failed:
        raise DataError("\n".join(f"error: {each.problem}" for each in failed))


def _print(prediction: PicturePrediction, top: int, unit: str | None, is_first: bool) -> None:
    """Print a prediction, whose scores are probabilities if there is no other unit."""
    from mnistnn.analysis.plots.contact_sheet import ASCII_SHADES, UNICODE_SHADES, draw_shaded

    if not is_first:
        click.echo()
    click.echo(f"{printable(str(prediction.path))}: {_what_was_done(prediction)}")
    for text in prediction.warnings:
        click.echo(f"warning: {text}")
    if not settings().quiet:
        click.echo(draw_shaded(prediction.upright, UNICODE_SHADES if can_show(UNICODE_SHADES) else ASCII_SHADES))
    shown = prediction.classes[:top]
    width = max(len(name) for name, _ in shown)
    for name, score in shown:
        figure = _percent(score) if unit is None else f"{score:8.4f}"
        click.echo(f"{name:>{width}}  {figure}")
    if unit is not None:
        click.echo(f"{unit}, not probabilities")


def _percent(probability: float) -> str:
    """Return a probability as it is: what rounds to certainty, and is none, is not shown as such."""
    if 0.99995 <= probability < 1.0:
        return ">99.99 %"
    return f"{100 * probability:6.2f} %"


def _what_was_done(prediction: PicturePrediction) -> str:
    """Return in a line how a picture became what the model saw."""
    height, width = prediction.size_px
    size = f"{width}×{height} px"
    fitting, ink_px = prediction.fitting, prediction.ink_px
    if fitting is None or ink_px is None:
        alike = ", as the training images are" if prediction.is_alike else ""
        return f"{size}, given as it is{alike}{' (on its side)' if prediction.on_side else ''}"
    polarity = "dark on light, inverted" if fitting.dark else "light on dark"
    components = f" in {fitting.components} components" if fitting.components > 1 else ""
    specks = "" if not fitting.specks else f" ({fitting.specks} speck{'s'[: fitting.specks > 1]} left out)"
    return (
        f"{size}, {polarity}; ink {ink_px[1]}×{ink_px[0]} px{components}{specks}, "
        f"fitted to {fitting.fitted[1]}×{fitting.fitted[0]}"
    )


def _as_json(result: PicturePrediction | FailedPicture, key: str) -> dict[str, Any]:
    """Return the object of one picture; `key` is what a class's score is."""
    from mnistnn.analysis.evaluation.own_pictures import FailedPicture

    if isinstance(result, FailedPicture):
        return {
            "path": str(result.path),
            "seen": None,
            "inverted": None,
            "classes": None,
            "warnings": [],
            "problem": result.problem,
        }
    return {
        "path": str(result.path),
        "seen": result.image.tolist(),
        "inverted": result.fitting is not None and result.fitting.dark,
        "classes": [{"class": name, key: score} for name, score in result.classes],
        "warnings": result.warnings,
        "problem": None,
    }


def _write(out: Path, predictions: list[PicturePrediction]) -> None:
    """Write what the model saw as one PNG file."""
    import numpy as np

    from mnistnn.analysis.plots.contact_sheet import contact_sheet, encode_png

    sheet = contact_sheet(np.stack([prediction.upright for prediction in predictions]), _COLUMNS)
    output.write(out, encode_png(sheet))
