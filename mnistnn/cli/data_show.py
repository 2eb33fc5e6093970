"""`mnistnn data show`: images of a set, and what is known of it."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.options import CODE
from mnistnn.cli.parameters import ExperimentFile
from mnistnn.cli.terminal import can_show, printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistnn.config.load import LoadedExperiment
    from mnistnn.data.spec import Data
    from mnistnn.data.splits import Split
    from mnistnn.types import SplitName

_SHEET_COLUMNS = 20


@click.command(cls=MnistnnCommand)
@click.argument("name", required=False)
@click.option("--split", type=click.Choice(["train", "valid", "test"]), default="train", show_default=True)
@click.option("--count", type=click.IntRange(min=1), default=100, show_default=True, help="Images to show.")
@click.option(
    "--augment",
    "experiment",
    type=ExperimentFile(),
    metavar="CFG",
    help="Show each image beside distortions of it, as this experiment trains on.",
)
@CODE
@click.option("--out", type=click.Path(path_type=Path), help="Write the images to this PNG file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text and drawings.")
def show(
    name: str | None,
    split: Literal["train", "valid", "test"],
    count: int,
    experiment: Path | None,
    code: tuple[Path, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Show images, and the size of each class.

    The images are the first of the split of mnist, or of the set that is named. The validation split is that of
    an experiment that says nothing of it: the last 10000 training examples, or fewer of a small set, as `data list`
    says; of a set of your own those that it brought along, or the last sixth, at most 10000.

    With --augment the set and its splits are those of the experiment, unless a set is named. A row of the PNG file
    begins with an image, and distortions of it follow; no other preprocessing is done. With -v, and in JSON, licence
    and citation are said of a set that mnistnn knows.
    """
    import numpy as np

    from mnistnn.config.load import load_experiment
    from mnistnn.data.datasets.cache import known_here
    from mnistnn.data.splits import class_names_of, default_data
    from mnistnn.plugins.given import given_code

    output.prepare(out, True, output.PNG)
    loaded = None if experiment is None else load_experiment(experiment, (), given_code(code))
    data = loaded.experiment.data if loaded is not None and name is None else default_data(name or "mnist")
    examples, n = _first_of(data, split, count)
    names = class_names_of(data)
    class_counts = np.bincount(examples.labels, minlength=examples.classes).tolist()
    _, height, width = examples.images.shape
    columns = _SHEET_COLUMNS if out is not None else _fitting(width)
    images = examples.images[:count]
    if loaded is not None:
        columns = max(2, min(columns, count))
        images = _distorted(loaded, examples, rows=-(-count // columns), columns=columns)
    known = known_here(data.dataset)
    if as_json:
        record = {
            "schema_version": 1,
            "dataset": data.dataset,
            "split": split,
            "examples": n,
            "image_shape": [height, width],
            "class_counts": class_counts,
            "class_names": names,
            "licence": known.licence if known is not None else None,
            "citation": known.citation if known is not None else None,
        }
        click.echo(json.dumps(record))
    else:
        click.echo(f"{data.dataset} {split}: {n} images of {height}x{width} pixels")
        wide = max(4, *map(len, names))
        lines = (f"{name:>{wide}}: {total}\n" for name, total in zip(names, class_counts, strict=True))
        click.echo(printable("".join(lines)), nl=False)
        if settings().verbose and known is not None:
            click.echo(printable(f"{known.title}; licence: {known.licence}\n{known.citation}"))
    if out is not None:
        _write_contact_sheet(images, columns, out)
    elif not as_json:
        _draw(images[:columns])


def _first_of(data: "Data", split: "SplitName", count: int) -> "tuple[Split, int]":
    """Return a split, with no more than the first `count` images if it is streamed, and the number of all."""
    import numpy as np

    from mnistnn.data.splits import Split, open_split, read_split, streamed_splits

    if split not in streamed_splits(data) or (data.labels is not None and data.labels.pair is not None):
        examples = read_split(data, split)
        return examples, len(examples.images)
    stored = open_split(data, split)
    images = np.empty((min(count, len(stored.images)), *stored.images.shape[1:]), dtype=np.uint8)
    stored.images.read(0, images)
    return Split(images, stored.labels, stored.classes), len(stored.images)


def _distorted(loaded: "LoadedExperiment", examples: "Split", rows: int, columns: int) -> "NDArray[np.uint8]":
    """Return rows of images, each an original and its distortions."""
    from mnistnn.analysis.inspection.distortions import rows_of_distortions
    from mnistnn.errors import ConfigError, UsageError

    augment = loaded.experiment.augment
    if augment is None:
        raise UsageError(f"{loaded.experiment.name} distorts no images: its file has no `augment`")
    try:
        augment.build(examples.images.shape[1:], examples.classes)
    except ConfigError as error:
        raise loaded.error(str(error), error.key or "augment") from error
    return rows_of_distortions(augment, loaded.experiment.seed, examples.images[:rows], examples.labels[:rows], columns)


def _fitting(width: int) -> int:
    """Return how many images fit the terminal, side by side."""
    return max(1, shutil.get_terminal_size().columns // (width + 1))


def _write_contact_sheet(images: "NDArray[np.uint8]", columns: int, out: Path) -> None:
    from mnistnn.analysis.plots.contact_sheet import contact_sheet, encode_png

    output.write(out, encode_png(contact_sheet(images, columns)))


def _draw(images: "NDArray[np.uint8]") -> None:
    """Print one row of images."""
    from mnistnn.analysis.plots.contact_sheet import ASCII_BLOCKS, UNICODE_BLOCKS, draw_in_text

    blocks = UNICODE_BLOCKS if can_show(UNICODE_BLOCKS) else ASCII_BLOCKS
    click.echo(draw_in_text(images, blocks))
