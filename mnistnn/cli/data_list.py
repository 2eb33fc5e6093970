"""`mnistnn data list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.table import table
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.data.datasets.listing import Listed

_SCHEMA_VERSION = 1


@click.command("list", cls=MnistnnCommand)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_sets(as_json: bool) -> None:
    """List the data sets that mnistnn knows, and your own.

    Of each: its size, whether it is on this machine, its licence. With -v it is also said how to have those that are
    not here, and who made them. Everything here can be shown by `data show`, and removed by `data rm`.
    """
    from mnistnn.data.datasets.cache import datasets_folder
    from mnistnn.data.datasets.listing import listed_sets

    found = listed_sets()
    if as_json:
        record = {"schema_version": _SCHEMA_VERSION, "folder": str(datasets_folder())}
        click.echo(json.dumps(record | {"sets": [_as_json(each) for each in found]}))
        return
    rows = [("name", "train", "valid", "test", "pixels", "classes", "here", "licence", "what")]
    for line in table([*rows, *map(_row, found)], "<>>>>>><<", droppable=(7, 2), cut=(8,)):
        click.echo(printable(line))
    if settings().verbose:
        for each in found:
            for text in (each.citation, each.way, each.problem):
                if text:
                    click.echo(printable(f"{each.name}: {text}"))
    click.echo(printable(f"in {datasets_folder()}; `mnistnn data list -v` says how to have the others"))


def _row(listed: Listed) -> tuple[str, ...]:
    info, height_width, counts = listed.info, "", ("", "", "")
    if info is not None:
        valid = _validation(listed)
        height_width = "{}x{}".format(*info.image_shape)
        counts = f"{info.train_examples - valid:,}", f"{valid:,}", f"{info.test_examples:,}"
    classes = "" if info is None else str(info.classes)
    here = "damaged" if listed.problem else _megabytes(listed.size_bytes) if listed.is_stored else "no"
    return (listed.name, *counts, height_width, classes, here, listed.licence or "", listed.title)


def _validation(listed: Listed) -> int:
    """Return how many images are for validation where an experiment says nothing of it."""
    from mnistnn.data.splits import default_data

    return default_data(listed.name).validation_examples


def _megabytes(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / 1e6:,.1f} MB"


def _as_json(listed: Listed) -> dict[str, Any]:
    info = listed.info
    valid = None if info is None else _validation(listed)
    return {
        "name": listed.name,
        "known": listed.is_known,
        "here": listed.is_stored,
        "size_bytes": listed.size_bytes,
        "problem": listed.problem,
        "image_shape": None if info is None else list(info.image_shape),
        "classes": None if info is None else info.classes,
        "class_names": None if info is None or info.class_names is None else list(info.class_names),
        "train_examples": None if info is None or valid is None else info.train_examples - valid,
        "validation_examples": valid,
        "test_examples": None if info is None else info.test_examples,
        "title": listed.title,
        "licence": listed.licence,
        "citation": listed.citation,
        "way": listed.way,
    }
