"""`mnistnn data`: fetch or make known sets, add one's own, check and show what is in the cache."""

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mnistnn.cli import output
from mnistnn.cli.command import MnistnnGroup, settings
from mnistnn.cli.options import CODE
from mnistnn.cli.parameters import ExperimentFile, Share, Size
from mnistnn.cli.terminal import can_show, printable
from mnistnn.runner.bars import can_draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistnn.config.load import LoadedExperiment
    from mnistnn.data.spec import Data
    from mnistnn.data.splits import Split
    from mnistnn.types import SplitName

_SHEET_COLUMNS = 20


@click.group("data", cls=MnistnnGroup)
def data() -> None:
    """Fetch, add, generate, verify and show data sets."""


@data.command()
@click.argument("name", default="mnist")
@click.option("--force", is_flag=True, help="Fetch or make it again, even if the set is there and intact.")
def fetch(name: str, force: bool) -> None:
    """Download and verify mnist or fashion-mnist, or make bars-and-stripes."""
    from mnistnn.data.datasets import cache
    from mnistnn.data.datasets.catalogue import MADE_SETS
    from mnistnn.data.datasets.fetch import fetch as fetch_set

    fetched = fetch_set(name, force=force, progress=not settings().quiet)
    outcome = f"{'made' if name in MADE_SETS else 'fetched'} and verified" if fetched else "already there, verified"
    click.echo(printable(f"{name}: {outcome}: {cache.set_folder(name)}"))


@data.command()
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the set of this name, if there is one.")
@click.option(
    "--invert/--no-invert",
    default=None,
    help="Exchange dark and bright, for dark digits on bright paper; on a terminal you are asked if it seems to be so.",
)
@click.option("--transpose", is_flag=True, help="Exchange rows and columns of each image.")
@click.option("--size", type=Size(), metavar="HxW", help="Height and width of images that come as rows of pixels.")
@click.option("--resize", type=Size(), metavar="HxW", help="Make all images as high and wide; 28 means 28x28.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="A table with a column of image files and one of their labels.",
)
@click.option(
    "--classes",
    metavar="NAMES",
    help="What the classes are called, in the order of their labels, with commas between: cat,dog,mouse.",
)
@click.option("--test", type=Share(), metavar="N", help="Take so many images for the test: 200, or 0.2 of all.")
@click.option("--valid", type=Share(), metavar="N", help="Take so many images for validation: 200, or 0.2 of all.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed by which they are drawn.")
def add(
    name: str,
    files: tuple[Path, ...],
    force: bool,
    invert: bool | None,
    transpose: bool,
    size: tuple[int, int] | None,
    resize: tuple[int, int] | None,
    labels: Path | None,
    classes: str | None,
    test: int | float | None,
    valid: int | float | None,
    seed: int,
) -> None:
    """Import a set from files, offline.

    FILES are a folder or .zip of images (train/<label>/*.png and test/<label>/*.png, or <label>/*.png alone; JPEG and
    PGM too); one table of labels and pixels (.csv), or a pair with train and test in their names; the same of .npz,
    .mat and LIBSVM files; the four IDX files; or one mnist.pkl.gz. Text and IDX may be compressed. What they are is
    seen from their content.

    Without test images, a sixth of each class is taken for them. Labels may be words, which name the classes. What is
    odd about the set, and how it was read, is said, in a line each.
    """
    from mnistnn.data.datasets import cache
    from mnistnn.data.datasets.importing import Changes
    from mnistnn.data.datasets.importing import add as add_set
    from mnistnn.data.formats.given import Wishes
    from mnistnn.data.splits import describe

    changes = Changes(
        invert=invert,
        ask=_ask_to_invert if sys.stdin.isatty() and sys.stderr.isatty() and not settings().quiet else None,
        transpose=transpose,
        class_names=None if classes is None else classes.split(","),
        test=test,
        valid=valid,
        seed=seed,
    )
    for line in add_set(name, files, replace=force, wishes=Wishes(size, resize, labels), changes=changes):
        click.echo(printable(f"note: {line}"), err=True)
    info = describe(name)
    height, width = info.image_shape
    click.echo(
        f"{name}: {info.train_examples} training and {info.test_examples} test images "
        f"of {height}x{width} pixels, {info.classes} classes: {printable(str(cache.set_folder(name)))}"
    )


def _ask_to_invert(found: str) -> bool:
    """Ask whether to exchange bright and dark."""
    return click.confirm(f"{found}, where MNIST's is dark. Exchange bright and dark?", default=True, err=True)


@data.command()
@click.argument("name", default="infinite-mnist")
@click.option(
    "--count", type=click.IntRange(min=1), default=8_100_000, show_default=True, help="Training images to make."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all distortions.")
@click.option("--from", "source", default="mnist", show_default=True, help="The set to make them of.")
@click.option(
    "--validation",
    type=click.IntRange(min=0),
    help="Training images of the source that end the set as they are; by default its validation split.",
)
@click.option("--force", is_flag=True, help="Replace the set of this name, if there is one.")
def generate(name: str, count: int, seed: int, source: str, validation: int | None, force: bool) -> None:
    """Make a set of any size out of a small one.

    The first training images are those of the source, all further ones distorted copies of them (bent, turned, scaled,
    shifted), after the infinite MNIST of Loosli, Canu and Bottou. Test images are those of the source. The same seed
    makes the same images, and a larger set begins with the smaller one. 8100000 digits take 6.4 GB and some minutes.
    """
    from tqdm import tqdm

    from mnistnn.augment.infinite_mnist import generate as generate_set
    from mnistnn.data.datasets import cache
    from mnistnn.data.splits import default_data, describe, ensure_available

    ensure_available(source, progress=not settings().quiet)
    kept = default_data(source).validation_examples if validation is None else validation
    with tqdm(
        total=count,
        desc=name,
        unit="image",
        unit_scale=True,
        file=sys.stderr,
        disable=settings().quiet or not can_draw(sys.stderr),
        leave=False,
    ) as bar:
        generate_set(name, source, count, seed, kept, replace=force, advance=bar.update)
    info = describe(name)
    height, width = info.image_shape
    click.echo(
        f"{name}: {info.train_examples:,} training images, the last {kept:,} for validation, "
        f"and {info.test_examples:,} test images of {height}x{width} pixels: {printable(str(cache.set_folder(name)))}"
    )


@data.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Check every byte of the stored sets.

    Of all sets in the cache, unless names are given. Exit code 3 and the list of files when one fails.
    """
    from mnistnn.data.datasets import cache
    from mnistnn.errors import DataError

    checks = [(name, check) for name in names or cache.stored_names() for check in cache.verify(name)]
    if as_json:
        files = [
            {"dataset": name, "file": check.path.name, "ok": check.problem is None, "problem": check.problem}
            for name, check in checks
        ]
        click.echo(json.dumps({"schema_version": 1, "files": files}, ensure_ascii=False))
    else:
        for name, check in checks:
            click.echo(f"{'ok    ' if check.problem is None else 'FAILED'} {name}/{check.path.name}")
        if not checks:
            click.echo(printable(f"no data sets in {cache.datasets_folder()}"))
    failed = [f"  - {check.path}: {check.problem}" for _, check in checks if check.problem is not None]
    if failed:
        raise DataError("these files are not what they must be:\n" + "\n".join(failed))


@data.command()
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

    The images are the first of the split of mnist, or of the set that is named. The validation split is the last 10000
    training examples, as in an experiment, the last 32 of bars-and-stripes, or the last sixth of any other set that is
    smaller than MNIST.

    With --augment the set and its splits are those of the experiment, unless a set is named. A row of the PNG file
    begins with an image, and distortions of it follow; no other preprocessing is done.
    """
    import numpy as np

    from mnistnn.config.load import load_experiment
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
    if as_json:
        record = {
            "schema_version": 1,
            "dataset": data.dataset,
            "split": split,
            "examples": n,
            "image_shape": [height, width],
            "class_counts": class_counts,
            "class_names": names,
        }
        click.echo(json.dumps(record, ensure_ascii=False))
    else:
        click.echo(f"{data.dataset} {split}: {n} images of {height}x{width} pixels")
        wide = max(4, *map(len, names))
        lines = (f"{name:>{wide}}: {total}\n" for name, total in zip(names, class_counts, strict=True))
        click.echo(printable("".join(lines)), nl=False)
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
