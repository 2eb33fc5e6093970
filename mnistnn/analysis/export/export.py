"""Export of a result in another format: the request is checked, then all of it is written or nothing."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mnistnn.analysis.export.as_tensorboard import FIRST, LAST
from mnistnn.analysis.export.formats import FORMATS, Format
from mnistnn.analysis.export.source import Check, Product, Source
from mnistnn.errors import UsageError
from mnistnn.extras import require
from mnistnn.run.finding import find
from mnistnn.run.view import RunView
from mnistnn.storage.forcing import sync_folder
from mnistnn.storage.writing import is_leftover, remove_leftovers, resource_error, write_atomically


@dataclass(frozen=True)
class Written:
    """The result of an export: the file, and how the model in it was checked, if it was."""

    to: str
    path: Path
    bytes: int
    sha256: str
    check: Check | None


@dataclass(frozen=True)
class Wish:
    """The options of an export: a format by its name, whose parameters, and the file; `out` has a default."""

    to: str
    checkpoint: str = "best"
    out: Path | None = None
    force: bool = False
    without_preprocess: bool = False


def export(references: Sequence[str], runs: Path, wish: Wish, warn: Callable[[str], None]) -> Written:
    """Write runs, each named by path, start of its id or `latest`, to a file.

    Raises UsageError for a wish that does not fit the format or a file that is there, ResourceError for an extra that
    is not installed, and whatever the format does; then nothing is written.
    """
    form = FORMATS[wish.to]
    _refuse_what_does_not_fit(form, wish, len(references))
    _require(form, wish.to)
    found = [find(reference, runs) for reference in references]
    out = wish.out
    if out is None:
        out = Path(("metrics" if len(found) > 1 else found[0].path.resolve().name) + form.ending)
    _refuse_what_is_there(out, form.in_folder, wish.force)
    product = form.encode(Source([RunView(each) for each in found], wish.checkpoint, wish.without_preprocess, warn))
    path = _write(out, product)
    return Written(wish.to, path, len(product.content), hashlib.sha256(product.content).hexdigest(), product.check)


def _refuse_what_does_not_fit(form: Format, wish: Wish, runs: int) -> None:
    if runs > 1 and not form.takes_several:
        several = ", ".join(name for name, each in FORMATS.items() if each.takes_several)
        raise UsageError(f"--to {wish.to} takes one run; several go into one file with --to {several}")
    if wish.checkpoint != "best" and not form.of_model:
        raise UsageError(
            f"--checkpoint: --to {wish.to} holds the course of training, not the parameters of a checkpoint"
        )
    if wish.without_preprocess and not form.knows_preprocessing:
        raise UsageError(f"--without-preprocess: --to {wish.to} does not hold the preprocessing as a program")


def _require(form: Format, to: str) -> None:
    """Raise ResourceError if a package is not installed."""
    for module in form.needs:
        require(module, f"export --to {to}")


def _refuse_what_is_there(out: Path, in_folder: bool, force: bool) -> None:
    """Raise UsageError if there is something that must not be replaced: of folders, all but an earlier export's."""
    if not out.exists():
        return
    if not force:
        raise UsageError(f"{out}: there already; --force replaces it")
    if out.is_dir() != in_folder:
        raise UsageError(f"{out}: a {'folder' if out.is_dir() else 'file'}, which --force does not replace")
    if in_folder and any(not (_is_event_file(path) or is_leftover(path)) for path in out.iterdir()):
        raise UsageError(f"{out}: holds other files than an export, which --force does not replace")


def _is_event_file(path: Path) -> bool:
    return path.name.startswith(FIRST) and path.name.endswith(LAST)


def _write(out: Path, product: Product) -> Path:
    """Write the file, in a folder that is made for it if it has a name of its own; return its path."""
    if product.name is None:
        write_atomically(out, product.content)
        return out
    path = out / product.name
    try:
        is_new = not out.is_dir()
        if is_new:
            out.mkdir()
            sync_folder(out.parent)
    except OSError as error:
        raise resource_error(out, error) from error
    remove_leftovers(out)
    try:
        write_atomically(path, product.content)
    except BaseException:
        if is_new:
            with suppress(OSError):
                out.rmdir()
        raise
    _remove_others(path)
    return path


def _remove_others(path: Path) -> None:
    """Remove the event files of earlier exports beside this one, which TensorBoard would take for the same run."""
    for former in path.parent.iterdir():
        if former != path and _is_event_file(former):
            try:
                former.unlink()
            except OSError as error:
                raise resource_error(former, error) from error
