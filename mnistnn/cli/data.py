"""`mnistnn data`: fetch published sets, add one's own, check and show what is in the cache."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mnistnn.cli.command import MnistnnGroup, settings
from mnistnn.cli.terminal import can_show, printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHEET_COLUMNS = 20


@click.group("data", cls=MnistnnGroup)
def data() -> None:
    """Fetch, add, verify and show data sets."""


@data.command()
@click.argument("name", default="mnist")
@click.option("--force", is_flag=True, help="Fetch again, even if the set is there and intact.")
def fetch(name: str, force: bool) -> None:
    """Download and verify mnist or fashion-mnist."""
    from mnistnn.data import cache
    from mnistnn.data.fetch import fetch as fetch_set

    fetched = fetch_set(name, force=force, progress=not settings().quiet)
    outcome = "fetched and verified" if fetched else "already there, verified"
    click.echo(printable(f"{name}: {outcome}: {cache.set_folder(name)}"))


@data.command()
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the set of this name, if there is one.")
def add(name: str, files: tuple[Path, ...], force: bool) -> None:
    """Import a set from files, offline.

    FILES are the four IDX files (.gz or not), or one .npz in the layout of Keras, or one mnist.pkl.gz, or one
    folder with train/<label>/*.png and test/<label>/*.png.
    """
    from mnistnn.data import cache
    from mnistnn.data.importing import add as add_set
    from mnistnn.data.splits import describe

    add_set(name, files, replace=force)
    info = describe(name)
    height, width = info.image_shape
    click.echo(
        f"{name}: {info.train_examples} training and {info.test_examples} test images "
        f"of {height}x{width} pixels, {info.classes} classes: {printable(str(cache.set_folder(name)))}"
    )


@data.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Check every byte of the stored sets.

    Of all sets in the cache, unless names are given. Exit code 3 and the list of files when one fails.
    """
    from mnistnn.data import cache
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
@click.argument("name", default="mnist")
@click.option("--split", type=click.Choice(["train", "valid", "test"]), default="train", show_default=True)
@click.option("--count", type=click.IntRange(min=1), default=100, show_default=True, help="Images to show.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the images to this PNG file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text and drawings.")
def show(name: str, split: Literal["train", "valid", "test"], count: int, out: Path | None, as_json: bool) -> None:
    """Show images, and the size of each class.

    The images are the first of the split. The validation split is the last 10000 training examples, as in an
    experiment, or the last sixth of a set that is smaller than MNIST.
    """
    import numpy as np

    from mnistnn.data.spec import Data
    from mnistnn.data.splits import describe, read_split

    validation_examples = min(Data().validation_examples, describe(name).train_examples // 6)
    examples = read_split(Data(dataset=name, validation_examples=validation_examples), split)
    class_counts = np.bincount(examples.labels, minlength=examples.classes).tolist()
    n, height, width = examples.images.shape
    if as_json:
        record = {
            "schema_version": 1,
            "dataset": name,
            "split": split,
            "examples": n,
            "image_shape": [height, width],
            "class_counts": class_counts,
        }
        click.echo(json.dumps(record))
    else:
        click.echo(f"{name} {split}: {n} images of {height}x{width} pixels")
        click.echo("".join(f"{label:>4}: {total}\n" for label, total in enumerate(class_counts)), nl=False)
    if out is not None:
        _write_contact_sheet(examples.images[:count], out)
    elif not as_json:
        _draw(examples.images[:count])


def _write_contact_sheet(images: "NDArray[np.uint8]", out: Path) -> None:
    from mnistnn.data.contact_sheet import contact_sheet, encode_png
    from mnistnn.files import write_atomically

    write_atomically(out, encode_png(contact_sheet(images, columns=_SHEET_COLUMNS)))
    click.echo(printable(f"wrote {out}"), err=True)


def _draw(images: "NDArray[np.uint8]") -> None:
    """Print one row of images, as many as fit the terminal."""
    from mnistnn.data.contact_sheet import ASCII_BLOCKS, UNICODE_BLOCKS, draw_in_text

    fitting = max(1, shutil.get_terminal_size().columns // (images.shape[2] + 1))
    blocks = UNICODE_BLOCKS if can_show(UNICODE_BLOCKS) else ASCII_BLOCKS
    click.echo(draw_in_text(images[:fitting], blocks))
