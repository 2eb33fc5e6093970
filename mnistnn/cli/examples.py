"""`mnistnn examples`: the experiments that come with mnistnn."""

from __future__ import annotations

import json

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

    They are listed by the chapters of the course that name them (`mnistnn course`), all others by their groups. The
    claim is the band that the error must lie in, found is what the project's record of it has, seconds are those of
    training on two cores.
    """
    from dataclasses import asdict

    from mnistnn.course.chapters import experiments_by_chapter
    from mnistnn.errors import UsageError, did_you_mean
    from mnistnn.reproduction.listing import examples as found_examples
    from mnistnn.reproduction.listing import sections

    found = sections(found_examples(word), experiments_by_chapter())
    if as_json:
        rows = [asdict(each) | {"chapter": section.chapter} for section in found for each in section.members]
        click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, "examples": rows}))
        return
    if not found:
        from mnistnn.config.examples import example_names

        raise UsageError(f"no experiment has the word '{word}'{did_you_mean(word, example_names(), before='; ')}")
    cells = [
        (each.name, each.claim, each.found, "" if each.seconds is None else f"{each.seconds:,.0f}", each.line)
        for section in found
        for each in section.members
    ]
    headings, *lines = table([_HEADINGS, *cells], "<<<><", droppable=[2], cut=[4, 1, 0])
    click.echo(headings)
    below = iter(lines)
    for section in found:
        click.echo(f"\n{section.heading}")
        for _ in section.members:
            click.echo(printable(next(below)))
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
