"""`mnistnn config`: check experiment files, show what they come to, compare them, explain keys."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from mnistnn.cli.command import MnistnnGroup, settings
from mnistnn.cli.parameters import ExperimentFile
from mnistnn.cli.terminal import printable, shortened
from mnistnn.errors import ConfigError

_SCHEMA_VERSION = 1


@click.group(cls=MnistnnGroup)
def config() -> None:
    """Check, show and explain experiment files."""


@config.command()
@click.argument("files", nargs=-1, required=True, type=ExperimentFile())
def check(files: tuple[Path, ...]) -> None:
    """Check that each file is a valid experiment whose parts fit together. Needs no data."""
    from mnistnn.config.load import load_experiment
    from mnistnn.experiment.plan import Plan

    failed = False
    for file in files:
        try:
            Plan(load_experiment(file))
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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(file: Path, overrides: tuple[str, ...], origins: bool, as_json: bool) -> None:
    """Print an experiment with every default written out."""
    from mnistnn.config.dump import config_hash, resolved_yaml
    from mnistnn.config.load import load_experiment
    from mnistnn.config.validate import type_first

    loaded = load_experiment(file, overrides)
    shown = type_first(loaded.resolved)
    if not as_json:
        click.echo(resolved_yaml(shown, loaded.origins if origins else None), nl=False)
        return
    found: dict[str, Any] = {"config": shown, "config_hash": config_hash(loaded.resolved)}
    _print_json(found | ({"origins": loaded.origins} if origins else {}))


@config.command()
@click.argument("left", metavar="A", type=ExperimentFile())
@click.argument("right", metavar="B", type=ExperimentFile())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(left: Path, right: Path, as_json: bool) -> None:
    """Print the values in which two experiments differ, defaults included."""
    from mnistnn.config.diff import ABSENT, differences
    from mnistnn.config.dump import flow_yaml
    from mnistnn.config.load import load_experiment

    found = differences(load_experiment(left).resolved, load_experiment(right).resolved)
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


@config.command()
@click.argument("example", metavar="[NAME]", type=ExperimentFile(), default="mlp")
@click.option(
    "--name", default="mine", show_default=True, help="Name of the new experiment, and of the folder of its runs."
)
def new(example: Path, name: str) -> None:
    """Print a commented experiment file, to be changed: mnistnn config new > mine.yaml.

    It says what the experiment NAME says (a name, or a file), without extending anything: mlp, if there is no NAME.
    """
    from mnistnn.config.load import load_experiment
    from mnistnn.config.template import template

    click.echo(template(load_experiment(example, [f"name={name}"]), name), nl=False)


@config.command()
@click.argument("key", required=False)
def explain(key: str | None) -> None:
    """Explain a key, such as optimizer.learning_rate or layers.dense; without KEY, list them all."""
    from mnistnn.config.explain import explain as explanation
    from mnistnn.config.load import experiment_validator

    click.echo(explanation(experiment_validator().book, key))


@config.command()
def schema() -> None:
    """Print the JSON Schema of experiment files, for editors."""
    from mnistnn.config.load import experiment_validator

    click.echo(json.dumps(experiment_validator().schema, indent=2))


def _print_json(content: Mapping[str, Any]) -> None:
    click.echo(json.dumps({"schema_version": _SCHEMA_VERSION, **content}, indent=2))
