"""A new experiment file to be changed: what an experiment says, with a word on each key, and the keys beside these."""

import textwrap
from typing import Any

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.load import LoadedExperiment
from mnistnn.config.nodes import plain
from mnistnn.config.validate import type_first

SCHEMA_FILE = "mnistnn.schema.json"
_WIDTH = 100
_HEAD = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}
# Editors that know the line above complete and check this file, after: mnistnn config schema > {SCHEMA_FILE}
# What can be written at a key: mnistnn config explain KEY. A first look: mnistnn train THIS.yaml --dry-run
"""
_LEFT_OUT = ("expect",)  # a claim is about the experiment that it was measured for


def template(loaded: LoadedExperiment, name: str) -> str:
    """Return the text of a file that says what `loaded` and all that it extends say, under another name.

    What is left to its default stands below, as comments. The file extends nothing, and makes no claim.
    """
    said: dict[str, Any] = {key: value for key, value in plain(loaded.tree).items() if key not in _LEFT_OUT}
    said = type_first({"name": name} | {key: value for key, value in said.items() if key != "name"})
    schema = loaded.validator.book.root
    parts = [_HEAD]
    for key, value in said.items():
        parts.append(f"{_comment(schema, key)}{resolved_yaml({key: value})}")
    defaults = {key: value for key, value in loaded.resolved.items() if key not in said and key not in _LEFT_OUT}
    if defaults:
        parts.append("# Not said above, so these defaults hold:\n")
        lines = resolved_yaml(type_first(defaults)).splitlines()
        parts.append("".join(f"# {line}\n" for line in lines))
    return "\n".join(parts)


def _comment(schema: dict[str, Any], key: str) -> str:
    """Return what a key is, as a comment of one sentence."""
    description = schema["properties"][key].get("description", "")
    first = description.replace("\n", " ").partition(". ")[0].rstrip(".")
    return "".join(f"# {line}\n" for line in textwrap.wrap(first, _WIDTH)) if first else ""
