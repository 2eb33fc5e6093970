"""`mnistnn data rm`."""

import sys

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.terminal import printable


@click.command(cls=MnistnnCommand)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", is_flag=True, help="Remove without asking.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Remove data sets from this machine.

    It asks before it removes. A set that mnistnn knows can be fetched or made again; of one of your own only its files
    here are removed, not those that it was made of. Runs that were trained on it stay, and need the same set again.
    """
    from mnistnn.data.datasets import cache
    from mnistnn.data.datasets.listing import listed_sets
    from mnistnn.errors import UsageError, did_you_mean

    stored = {each.name: each for each in listed_sets() if each.is_stored}
    found = list(dict.fromkeys(names))
    for name in found:
        if name not in stored:
            hint = did_you_mean(name, stored, before="; ")
            raise UsageError(f"no data set {name[:80]!r} in {cache.datasets_folder()}{hint}")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody can be asked here; --yes removes without asking")
        for name in found:
            size_bytes = stored[name].size_bytes
            size = "" if size_bytes is None else f", {size_bytes / 1e6:,.1f} MB"
            click.echo(printable(f"{cache.set_folder(name)}: {stored[name].title}{size}"), err=True)
        if not click.confirm(f"remove {'it' if len(found) == 1 else f'these {len(found)} sets'}?", err=True):
            click.echo("nothing was removed", err=True)
            return
    for name in found:
        cache.remove(name)
        if not settings().quiet:
            click.echo(printable(f"removed {cache.set_folder(name)}"), err=True)
