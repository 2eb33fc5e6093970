"""`mnistnn examples`: the experiments that come with mnistnn."""

from __future__ import annotations

import json
from itertools import groupby

import click

from mnistnn.cli.command import MnistnnGroup, settings
from mnistnn.cli.table import table
from mnistnn.cli.terminal import printable

_SCHEMA_VERSION = 1
_HEADINGS = ("name", "claim", "found", "seconds", "")


class _ExamplesGroup(MnistnnGroup):
    """Takes a word where a verb is expected: `examples WORD` is short for `examples list WORD`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            args = ["list", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_ExamplesGroup, invoke_without_command=True, subcommand_metavar="[WORD | COMMAND]")
@click.pass_context
def examples(ctx: click.Context) -> None:
    """List the experiments that come with mnistnn.

    Each is trained by its name: mnistnn train mlp. With a WORD, those whose name or description has it.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_examples)


@examples.command("list")
@click.argument("word", default="")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_examples(word: str, as_json: bool = False) -> None:
    """List the experiments, or those in whose name or description a word stands.

    The claim is the band that the error must lie in, found is what the project's record of it has, seconds are those of
    training on two cores.
    """
    from dataclasses import asdict

    from mnistnn.errors import UsageError, did_you_mean
    from mnistnn.reproduction.listing import examples as found_examples

    found = found_examples(word)
    if as_json:
        click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, "examples": [asdict(each) for each in found]}))
        return
    if not found:
        from mnistnn.config.examples import example_names

        raise UsageError(f"no experiment has the word '{word}'{did_you_mean(word, example_names(), before='; ')}")
    rows: list[tuple[str, ...]] = [_HEADINGS]
    for _, members in groupby(found, key=lambda each: each.group):
        rows += [
            (each.name, each.claim, each.found, "" if each.seconds is None else f"{each.seconds:,.0f}", each.line)
            for each in members
        ]
    for line in table(rows, "<<<><", droppable=[2], cut=[4, 1, 0]):
        click.echo(printable(line))
    if not settings().quiet:
        click.echo(
            "next: mnistnn examples show NAME, mnistnn train NAME, mnistnn config new NAME > mine.yaml", err=True
        )


@examples.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the file of an experiment, and on stderr where it lies."""
    from mnistnn.config.examples import example_names, example_path
    from mnistnn.errors import UsageError, did_you_mean

    path = example_path(name)
    if path is None:
        raise UsageError(f"no experiment is called '{name}'{did_you_mean(name, example_names(), before='; ')}")
    if not settings().quiet:
        click.echo(printable(str(path)), err=True)
    click.echo(printable(path.read_text(encoding="utf-8")), nl=False)
