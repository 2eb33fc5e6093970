"""The common base of all commands: the options that work everywhere, their settings, and suggestions for typos.

A command is declared with `@click.command(cls=MnistnnCommand)`, a group with
`@click.group(cls=MnistnnGroup)`; the commands of such a group follow by themselves. All of them take `-q`,
`-v`, `--traceback`, `--version` and `-h` without declaring them, so these work before and after the verb.
"""

from collections.abc import Callable
from dataclasses import dataclass

import click

from mnistnn import __version__
from mnistnn.errors import did_you_mean

_SETTINGS = "mnistnn.settings"


@dataclass(frozen=True)
class Settings:
    """How much to say. Of `-q` and `-v` the later one wins, so an alias with `-q` can still be overruled."""

    quiet: bool = False
    verbose: bool = False


def settings() -> Settings:
    """Return the settings of the command that runs now. Raises RuntimeError outside of a command."""
    found: Settings = click.get_current_context().meta.get(_SETTINGS, Settings())
    return found


def _remember(context: click.Context, option: click.Parameter, given: bool) -> None:
    """Note `-q` or `-v` in the one place that the contexts of nested commands share."""
    if given:
        context.meta[_SETTINGS] = Settings(quiet=option.name == "quiet", verbose=option.name == "verbose")


def _print_version(context: click.Context, _option: click.Parameter, given: bool) -> None:
    if given and not context.resilient_parsing:
        click.echo(f"mnistnn {__version__}")
        context.exit()


def _flag(
    names: list[str], text: str, callback: Callable[[click.Context, click.Parameter, bool], None] | None
) -> click.Option:
    return click.Option(names, is_flag=True, expose_value=False, callback=callback, help=text)


_EVERYWHERE: list[click.Parameter] = [
    _flag(["-q", "--quiet"], "Say only what was asked for, and errors.", _remember),
    _flag(["-v", "--verbose"], "Say more.", _remember),
    # Accepted here, acted on in `shell.run`: a command line that cannot be parsed must obey it too.
    _flag(["--traceback"], "Show the Python traceback of an error.", None),
    _flag(["--version"], "Print the version and exit.", _print_version),
]


class _CommonCommand(click.Command):
    """Abstract: adds the options that work everywhere, listed after the command's own."""

    def get_help_option_names(self, ctx: click.Context) -> list[str]:
        return ["-h", "--help"]

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        own = super().get_params(ctx)
        return [*own[: len(self.params)], *_EVERYWHERE, *own[len(self.params) :]]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, params in (
            ("Options", self.params),
            ("Everywhere", self.get_params(ctx)[len(self.params) :]),
        ):
            options = (param for param in params if isinstance(param, click.Option))
            records = [record for option in options if (record := option.get_help_record(ctx))]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class MnistnnCommand(_CommonCommand):
    """A verb."""


class CommonGroup(_CommonCommand, click.Group):
    """Abstract: verbs listed in the order in which they are declared; a misspelt one gets a suggestion."""

    command_class = MnistnnCommand
    group_class = type

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not ctx.resilient_parsing:
            from mnistnn.config.messages import shorten

            suggestion = did_you_mean(args[0], known, before=", ") or f"; there are {', '.join(known)}"
            raise click.UsageError(f"{ctx.command_path} has no command '{shorten(args[0])}'{suggestion}", ctx)
        return super().resolve_command(ctx, args)


class MnistnnGroup(CommonGroup):
    """A verb with verbs of its own, such as `data fetch`."""
