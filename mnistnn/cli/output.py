"""Files that commands write for the user: nothing is replaced unasked, and what is missing is said before any work."""

from pathlib import Path

import click

from mnistnn.cli.command import settings
from mnistnn.cli.terminal import printable

PNG = ("PIL", "writing PNG files")
FIGURE = ("matplotlib", "drawing")
PAGE = ("jinja2", "a report")


def prepare(out: Path | None, force: bool, *needs: tuple[str, str]) -> None:
    """Raise UsageError for a file that is there already, unless it is to be replaced, and ResourceError if a module is
    not installed that is needed to write it.

    needs  modules, and what needs each
    """
    from mnistnn.errors import UsageError
    from mnistnn.extras import require

    if out is None:
        return
    if out.exists() and not force:
        raise UsageError(f"{out}: there already; --force replaces it")
    for module, needed_by in needs:
        require(module, needed_by)


def write(out: Path, content: bytes, size: bool = False) -> None:
    """Write a file, and say so on stderr, with its size if that is asked for."""
    from mnistnn.storage.writing import write_atomically

    write_atomically(out, content)
    if not settings().quiet:
        click.echo(printable(f"wrote {out}{f' ({len(content) / 1000:,.0f} kB)' if size else ''}"), err=True)
