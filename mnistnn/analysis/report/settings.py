"""Settings of runs: configurations, what differs between them, environments."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mnistnn.analysis.comparison.config_differences import differing_keys
from mnistnn.analysis.comparison.run_groups import Group
from mnistnn.config.defaults import keys_beyond_defaults
from mnistnn.config.dump import resolved_lines
from mnistnn.config.nodes import dotted
from mnistnn.config.validate import type_first
from mnistnn.errors import RunError
from mnistnn.run.provenance import read_environment
from mnistnn.run.view import RunView


@dataclass(frozen=True)
class ConfigLine:
    """A line of a configuration. `mark` is why it stands out: command line, differs, given; or empty for a default."""

    text: str
    mark: str


def configs_of(groups: Sequence[Group], chosen: Sequence[RunView]) -> list[tuple[str, list[ConfigLine]]]:
    """Return the configuration of each group, with the lines marked that were given or that differ."""
    differing = {key for key, _ in differing_keys([one.config for one in chosen])}
    return [(group.label, _config_lines(one, differing)) for group, one in zip(groups, chosen, strict=True)]


def _config_lines(one: RunView, differing: set[str]) -> list[ConfigLine]:
    overridden = {line.partition("=")[0] for line in one.overrides}
    name = f"lines; differing: {sorted(differing)}; overridden: {sorted(overridden)}"
    return one.of_configuration(name, lambda: _marked_lines(one, differing, overridden))


def _marked_lines(one: RunView, differing: set[str], overridden: set[str]) -> list[ConfigLine]:
    given = keys_beyond_defaults(one.loaded)
    lines = []
    for path, text in resolved_lines(type_first(one.config)):
        key = dotted(path) if path is not None else ""
        if any(key == name or key.startswith(f"{name}.") for name in overridden):
            mark = "command line"
        elif any(key == name or key.startswith(f"{name}.") for name in differing if key):
            mark = "differs"
        elif path is None or key in given or f"{key}.0" in given or path[-1] == "type":
            mark = "given"
        else:
            mark = ""
        lines.append(ConfigLine(text, mark))
    return lines


def environments_of(chosen: Sequence[RunView]) -> list[tuple[str, list[str]]]:
    """Return what runs were computed with: each entry, with its value in each group, or one value if all are equal."""
    tables = [_environment(one) for one in chosen]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    rows = [(key, [table.get(key, "–") for table in tables]) for key in keys]
    return [(key, values[:1] if len(set(values)) == 1 else values) for key, values in rows]


def _environment(one: RunView) -> dict[str, str]:
    try:
        found = read_environment(one.run)
    except RunError as error:
        return {"not readable": str(error)}
    return dict(_flat(found))


def _flat(data: Any, at: str = "") -> list[tuple[str, str]]:
    if isinstance(data, dict):
        return [pair for key, value in data.items() for pair in _flat(value, f"{at}.{key}" if at else str(key))]
    if isinstance(data, list):
        return [(at, ", ".join(_shown(item) for item in data))]
    return [(at, _shown(data))]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {inner}" for key, inner in value.items())
    return "–" if value is None else str(value)
