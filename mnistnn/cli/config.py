"""`mnistnn config`: check experiment files, show what they come to, compare them, explain keys."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from mnistnn.cli.command import MnistnnGroup, settings
from mnistnn.cli.options import CODE
from mnistnn.cli.parameters import ExperimentFile
from mnistnn.cli.terminal import printable, shortened
from mnistnn.errors import ConfigError

_SCHEMA_VERSION = 1

_COMPONENTS = {
    "--layer": "a layer",
    "--optimizer": "an optimizer",
    "--loss": "a loss",
    "--transform": "a transform",
    "--policy": "a stopping policy",
    "--fitted-model": "a fitted model",
}


@click.group(cls=MnistnnGroup)
def config() -> None:
    """Check, show and explain experiment files."""


@config.command()
@click.argument("files", nargs=-1, required=True, type=ExperimentFile())
@CODE
def check(files: tuple[Path, ...], code: tuple[Path, ...]) -> None:
    """Check that each file is a valid experiment whose parts fit together. Needs no data."""
    from mnistnn.config.load import load_experiment
    from mnistnn.experiment.plan import Plan
    from mnistnn.plugins.given import given_code

    failed, plugins = False, given_code(code)
    for file in files:
        try:
            Plan(load_experiment(file, (), plugins))
        except ConfigError as error:
            failed = True
            click.echo(printable(shortened(str(error))), err=True)
            continue
        if not settings().quiet:
            click.echo(f"ok {printable(str(file))}")
    if failed:
        click.get_current_context().exit(ConfigError.exit_code)


@config.command()
@click.argument("file", type=ExperimentFile())
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--origins/--no-origins", default=True, help="Say after each value where it comes from.")
@CODE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(file: Path, overrides: tuple[str, ...], origins: bool, code: tuple[Path, ...], as_json: bool) -> None:
    """Print an experiment with every default written out."""
    from mnistnn.config.dump import config_hash, resolved_yaml
    from mnistnn.config.load import load_experiment
    from mnistnn.config.validate import type_first
    from mnistnn.plugins.given import given_code

    loaded = load_experiment(file, overrides, given_code(code))
    shown = type_first(loaded.resolved)
    if not as_json:
        click.echo(resolved_yaml(shown, loaded.origins if origins else None), nl=False)
        return
    found: dict[str, Any] = {"config": shown, "config_hash": config_hash(loaded.resolved)}
    _print_json(found | ({"origins": loaded.origins} if origins else {}))


@config.command()
@click.argument("left", metavar="A", type=ExperimentFile())
@click.argument("right", metavar="B", type=ExperimentFile())
@CODE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(left: Path, right: Path, code: tuple[Path, ...], as_json: bool) -> None:
    """Print the values in which two experiments differ, defaults included."""
    from mnistnn.config.diff import ABSENT, differences
    from mnistnn.config.dump import flow_yaml
    from mnistnn.config.load import load_experiment
    from mnistnn.plugins.given import given_code

    plugins = given_code(code)
    found = differences(*(load_experiment(file, (), plugins).resolved for file in (left, right)))
    if as_json:
        rows = []
        for each in found:
            sides = {"left": each.left, "right": each.right}
            given = {side: value for side, value in sides.items() if value is not ABSENT}
            rows.append({"key": each.key, "order": each.order} | given)
        _print_json({"left": str(left), "right": str(right), "differences": rows})
        return
    for each in found:
        words = ["absent" if value is ABSENT else flow_yaml(value) for value in (each.left, each.right)]
        click.echo(f"{each.key}{' (order)' if each.order else ''}: {words[0]} → {words[1]}")
    if not found and not settings().quiet:
        click.echo("no difference")


def _kinds(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each kind of component: --layer NAME and so on."""
    for flag, words in reversed(_COMPONENTS.items()):
        text = f"A file of Python with {words} of this name instead."
        command = click.option(flag, metavar="NAME", help=text)(command)
    return command


@config.command()
@click.argument("example", metavar="[NAME]", type=ExperimentFile(), required=False)
@click.option(
    "--name", default="mine", show_default=True, help="Name of the new experiment, and of the folder of its runs."
)
@CODE
@_kinds
def new(example: Path | None, name: str, code: tuple[Path, ...], **components: str | None) -> None:
    """Print a commented experiment file, to be changed: mnistnn config new > mine.yaml.

    It says what the experiment NAME says (a name, or a file), without extending anything: mlp, if there is no NAME.

    Or print a commented component, which works as it is: mnistnn config new --layer maxout > maxout.py.
    """
    from mnistnn.config.load import load_experiment
    from mnistnn.config.template import template
    from mnistnn.plugins.given import given_code

    wanted = {kind: called for kind, called in components.items() if called is not None}
    if wanted:
        if len(wanted) > 1 or example is not None or code:
            raise click.UsageError("one file at a time: an experiment, or one component")
        click.echo(_skeleton(*wanted.popitem()), nl=False)
        return
    example = example or ExperimentFile().convert("mlp", None, None)
    click.echo(template(load_experiment(example, [f"name={name}"], given_code(code)), name), nl=False)


@config.command()
@click.argument("key", required=False)
@CODE
def explain(key: str | None, code: tuple[Path, ...]) -> None:
    """Explain a key, such as optimizer.learning_rate or layers.dense; without KEY, list them all."""
    from mnistnn.config.explain import explain as explanation
    from mnistnn.config.load import experiment_validator
    from mnistnn.plugins.given import given_code

    click.echo(explanation(experiment_validator(given_code(code)).book, key))


@config.command()
@CODE
def schema(code: tuple[Path, ...]) -> None:
    """Print the JSON Schema of experiment files, for editors."""
    from mnistnn.config.load import experiment_validator
    from mnistnn.plugins.given import given_code

    click.echo(json.dumps(experiment_validator(given_code(code)).schema, indent=2))


def _skeleton(kind: str, name: str) -> str:
    from mnistnn.plugins.skeleton import skeleton

    return skeleton(kind, name)  # type: ignore[arg-type] # the options are called like the kinds


def _print_json(content: Mapping[str, Any]) -> None:
    click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, **content}, indent=2))
