"""The page of all commands, from click: what `--help` says of each."""

import re
from collections.abc import Iterator
from inspect import cleandoc

import click
from generator.markdown import anchor, escaped, fence, page, table

from mnistnn.cli.shell import COMMANDS, PROGRAM, root


def page_of_commands() -> str:
    """Return the page."""
    context = click.Context(root, info_name=PROGRAM)
    everywhere = [option for option in root.get_params(context) if option not in root.params]
    return page(
        "# Commands",
        "Made of what the commands say of themselves by `make docs`; not to be edited.",
        escaped(cleandoc(root.help or "")),
        fence(_usage(root, context)),
        _options(root.params, context),
        "These options work everywhere, before and after a verb:",
        _options(everywhere, context),
        fence(_unfilled(root.epilog or "")),
        *_sections(context),
    )


def _sections(context: click.Context) -> Iterator[str]:
    """Yield the commands in the order in which `mnistnn --help` lists them."""
    for heading, section in COMMANDS.items():
        yield f"## {heading}"
        for name, line in section.items():
            yield from _command(line.load(), click.Context(line.load(), info_name=name, parent=context), 3)


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    names = context.command_path.split()[1:]
    yield f"{anchor('-'.join(['command', *names]))}\n{'#' * level} {context.command_path}"
    yield from _help(command.help or "")
    yield fence(_usage(command, context))
    yield _options(command.params, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _command(inner, click.Context(inner, info_name=name, parent=context), level + 1)


def _usage(command: click.Command, context: click.Context) -> str:
    return " ".join([context.command_path, *command.collect_usage_pieces(context)])


def _help(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; those that click is not to fill stay as they are."""
    for paragraph in cleandoc(text).split("\n\n"):
        yield fence(_unfilled(paragraph)) if paragraph.startswith("\b") else escaped(paragraph)


def _unfilled(paragraph: str) -> str:
    return paragraph.removeprefix("\b\n")


def _options(params: list[click.Parameter], context: click.Context) -> str:
    """Return a table of options; empty if there is none. What click adds in brackets has a column of its own."""
    records = [option.get_help_record(context) for option in params if isinstance(option, click.Option)]
    rows = []
    for record in records:
        if record is not None:
            text, bracket = _BRACKET.fullmatch(" ".join(record[1].split())).groups()  # type: ignore[union-attr]
            rows.append([f"`{record[0]}`", escaped(text), escaped(bracket or "")])
    return table(["option", "meaning", "default and range"], rows) if rows else ""


_BRACKET = re.compile(r"(.*?)(?:\s*\[((?:default|required|\d|x)[^\]]*)\])?")
