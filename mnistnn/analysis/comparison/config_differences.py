"""Differences between the configurations of experiments: each key, with its value in each of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mnistnn.config.diff import ABSENT, differences
from mnistnn.config.dump import scalar_yaml

CHARACTERS_SHOWN = 80  # of a value, unless there is less room


Differing = list[tuple[str, list[Any]]]

_MOST_FOUND = 8
_found: dict[tuple[int, ...], tuple[list[dict[str, Any]], Differing]] = {}

# What decides neither how a run is trained nor which of its epochs is the best.
_NO_PART = ("seed", "expect")
_NO_PART_INSIDE = {
    "checkpoint": ("every_epochs", "every_s", "keep_last", "keep_every_epochs"),
    "evaluation": ("batch_size", "train_error"),
    "backend": ("device", "threads"),
}


def experiment_of(config: dict[str, Any]) -> dict[str, Any]:
    """Return what runs of one experiment have in common: a resolved configuration without its seed, its claim, how
    often it was saved, what else was measured, and where it was computed.
    """
    experiment = {key: value for key, value in config.items() if key not in _NO_PART}
    for key in _NO_PART_INSIDE.keys() & experiment.keys():
        inside = experiment[key].items()
        experiment[key] = {name: value for name, value in inside if name not in _NO_PART_INSIDE[key]}
    return experiment


def differing_keys(configs: Sequence[dict[str, Any]]) -> Differing:
    """Return each key in which the experiments of resolved configurations differ, with its value in each.

    The value is ABSENT where there is no such key. A key is left out if one that holds it is there. Where only the
    order of keys differs, ` (order)` follows the name, and the values are lists of keys.

    Configurations are taken not to change: what the last few calls found is kept, for a page that is renewed.
    """
    key = tuple(map(id, configs))
    kept = _found.get(key)
    if kept is None:
        kept = _found[key] = list(configs), _differing_keys(configs)  # kept too: no other can have their identities
        for oldest in list(_found)[:-_MOST_FOUND]:
            _found.pop(oldest, None)
    return list(kept[1])


def _differing_keys(configs: Sequence[dict[str, Any]]) -> Differing:
    experiments = [experiment_of(config) for config in configs]
    keys: dict[str, None] = {}  # sets that keep their order
    orders: dict[str, None] = {}
    for other in experiments[1:]:
        for each in differences(experiments[0], other):
            (orders if each.order else keys)[each.key] = None
    outermost = [key for key in keys if not any(key.startswith(f"{outer}.") for outer in keys)]
    found = []
    for key in outermost:
        values = [value_at(key, each) for each in experiments]
        found.append((key, values))
        found += [(f"{key}.{part}", each) for part, each in _differing_parts(values)]
    for key in orders:
        found.append((f"{key} (order)", [_order(value_at(key, each)) for each in experiments]))
    return found


def _differing_parts(values: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    """Return the parts in which mappings differ that not all experiments have, such as a layer that one of them lacks;
    each with its value in each of them.
    """
    there = [value for value in values if isinstance(value, Mapping)]
    if len(there) < 2 or len(there) == len(values):
        return []
    parts = dict.fromkeys(each.key for other in there[1:] for each in differences(there[0], other) if not each.order)
    return [(part, [value_at(part, value) for value in values]) for part in parts]


def value_text(value: Any, most: int = CHARACTERS_SHOWN) -> str:
    """Return a value for people: as in an experiment file, a dash for ABSENT, and at most so many characters."""
    if value is ABSENT:
        return "–"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else scalar_yaml(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def short_names(keys: Sequence[str]) -> list[str]:
    """Return of each key the last parts that tell it from the others."""
    found = []
    for key in keys:
        parts = key.split(".")
        endings = [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]
        others = [other for other in keys if other != key]
        apart = (end for end in endings if not any(other == end or other.endswith(f".{end}") for other in others))
        found.append(next(apart, key))
    return found


def value_at(key: str, config: Any) -> Any:
    """Return the value of a dotted key of a resolved configuration; ABSENT if it has none."""
    value = config
    for part in key.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, list) and (named := [each for each in value if _is_called(each, part)]):
            value = named[0]
        else:
            return ABSENT
    return value


def _is_called(item: Any, kind: str) -> bool:
    """Tell whether an item of a list is the component of a type, as an override would name it."""
    return isinstance(item, Mapping) and item.get("type") == kind


def _order(value: Any) -> Any:
    return list(value) if isinstance(value, Mapping) else ABSENT
