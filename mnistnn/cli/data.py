"""`mnistnn data`: fetch or make known sets, add one's own, check and show what is in the cache."""

import json
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from mnistnn.cli.command import MnistnnGroup, settings
from mnistnn.cli.data_list import list_sets
from mnistnn.cli.data_rm import rm
from mnistnn.cli.data_show import show
from mnistnn.cli.parameters import Share, Size
from mnistnn.cli.terminal import printable
from mnistnn.runner.bars import can_draw


@click.group("data", cls=MnistnnGroup)
def data() -> None:
    """List, fetch, add, generate, verify, show and remove data sets."""


data.add_command(list_sets)


@data.command()
@click.argument("name", default="mnist")
@click.option("--force", is_flag=True, help="Fetch or make it again, even if the set is there and intact.")
def fetch(name: str, force: bool) -> None:
    """Download and verify a set that mnistnn knows, or make it.

    NAME is mnist, unless one is given; `data list` has all. Of some sets, such as EMNIST, mnistnn knows the digest of
    one large file that you bring: `data list -v` says which, and `data add` takes it.
    """
    from mnistnn.data.datasets import cache
    from mnistnn.data.datasets.catalogue import KNOWN_SETS
    from mnistnn.data.datasets.fetch import fetch as fetch_set

    fetched = fetch_set(name, force=force, progress=not settings().quiet)
    outcome = f"{KNOWN_SETS[name].done} and verified" if fetched else "already there, verified"
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

    Under the name of a set that mnistnn knows only that set is taken, in the files that it is published in or, where
    its content is known, in any of these forms.
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
    wishes, progress = Wishes(size, resize, labels), not settings().quiet
    for line in add_set(name, files, replace=force, wishes=wishes, changes=changes, progress=progress):
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
@click.option(
    "--corrupt",
    "kind",
    metavar="KIND",
    help="Make no further images, but corrupt the test images of the source.",
)
@click.option("--severity", type=click.IntRange(1, 5), help="Of --corrupt; by default that of MNIST-C.")
@click.option("--corrupt-train", is_flag=True, help="With --corrupt: corrupt the other images of the source as well.")
@click.option("--force", is_flag=True, help="Replace the set of this name, if there is one.")
@click.pass_context
def generate(
    context: click.Context,
    name: str,
    count: int,
    seed: int,
    source: str,
    validation: int | None,
    kind: str | None,
    severity: int | None,
    corrupt_train: bool,
    force: bool,
) -> None:
    """Make a set of any size out of a small one, or a corrupted copy.

    The first training images are those of the source, all further ones distorted copies of them (bent, turned, scaled,
    shifted), after the infinite MNIST of Loosli, Canu and Bottou. Test images are those of the source. The same seed
    makes the same images, and a larger set begins with the smaller one. 8100000 digits take 6.4 GB and some minutes.

    With --corrupt the test images are corrupted in one of the fifteen ways of MNIST-C (Mu and Gilmer, 2019), to see how
    a model that was trained on good images does on them: shot_noise, impulse_noise, glass_blur, motion_blur, shear,
    scale, rotate, brightness, translate, stripe, fog, spatter, dotted_line, zigzag or canny_edges. The set is called
    SOURCE-KIND, unless a NAME is given.
    """
    is_given = {each for each in context.params if context.get_parameter_source(each) is not ParameterSource.DEFAULT}
    if kind is not None:
        _refuse({"count", "validation"} & is_given, "is for further images, and --corrupt makes none")
        named = name if "name" in is_given else f"{source}-{kind.replace('_', '-')}"
        _generate_corrupted(named, source, kind, severity, seed, corrupt_train, force)
        return
    _refuse({"severity", "corrupt_train"} & is_given, "is an option of --corrupt KIND")
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


def _refuse(given: set[str], why: str) -> None:
    from mnistnn.errors import UsageError

    if given:
        raise UsageError(f"--{min(given).replace('_', '-')} {why}")


def _generate_corrupted(
    name: str, source: str, kind: str, severity: int | None, seed: int, training: bool, replace: bool
) -> None:
    from tqdm import tqdm

    from mnistnn.augment.corrupted_sets import generate_corrupted
    from mnistnn.data.datasets import cache
    from mnistnn.data.splits import describe, ensure_available

    ensure_available(source, progress=not settings().quiet)
    info = describe(source)
    total = info.test_examples + (info.train_examples if training else 0)
    with tqdm(
        total=total,
        desc=name,
        unit="image",
        unit_scale=True,
        file=sys.stderr,
        disable=settings().quiet or not can_draw(sys.stderr),
        leave=False,
    ) as bar:
        generate_corrupted(name, source, kind, severity, seed, training=training, replace=replace, advance=bar.update)
    what = "all images" if training else f"{info.test_examples:,} test images"
    click.echo(f"{name}: {what} of {source} with {kind}: {printable(str(cache.set_folder(name)))}")


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
        click.echo(json.dumps({"schema_version": 1, "files": files}))
    else:
        for name, check in checks:
            click.echo(f"{'ok    ' if check.problem is None else 'FAILED'} {name}/{check.path.name}")
        if not checks:
            click.echo(printable(f"no data sets in {cache.datasets_folder()}"))
    failed = [f"  - {check.path}: {check.problem}" for _, check in checks if check.problem is not None]
    if failed:
        raise DataError("these files are not what they must be:\n" + "\n".join(failed))


data.add_command(show)
data.add_command(rm)
