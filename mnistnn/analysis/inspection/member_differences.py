"""What sets the members of a committee apart: types of models, and keys in which experiments of one type differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mnistnn.analysis.comparison.config_differences import differing_keys, short_names, value_text
from mnistnn.config.diff import ABSENT

_TYPE = "model.type"
_MOST_SAID, _CHARACTERS_SAID = 4, 24  # keys, and characters of a value


@dataclass(frozen=True)
class Differences:
    """What sets a member apart from the others: its values by their keys, and the first few of them in words."""

    values: dict[str, Any]
    said: str


def differences_of(configs: Sequence[dict[str, Any]]) -> list[Differences]:
    """Return of the resolved configuration of each member what sets it apart.

    A member is compared with those whose model is of the same type: others have other keys. Names are left out, which
    stand beside it, and what a member does not have. Seeds are said, before all else, if some differ in nothing more.
    """
    types = [config["model"]["type"] for config in configs]
    found: dict[int, Differences] = {}
    for each in dict.fromkeys(types):
        places = [at for at, kind in enumerate(types) if kind == each]
        kind = {} if len(places) == len(types) else {_TYPE: each}
        alike = _among_alike([configs[at] for at in places])
        found |= {at: _of_member({**kind, **values}) for at, values in zip(places, alike, strict=True)}
    return [found[at] for at in range(len(configs))]


def _among_alike(configs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the values of each configuration in which they differ, by key; ABSENT for what one does not have."""
    found = [(key, values) for key, values in differing_keys(configs) if key != "name"]
    apart = {repr((config["name"], [values[at] for _, values in found])) for at, config in enumerate(configs)}
    if len(apart) < len(configs):
        found.insert(0, ("seed", [config["seed"] for config in configs]))
    return [{key: values[at] for key, values in found} for at in range(len(configs))]


def _of_member(values: dict[str, Any]) -> Differences:
    names = dict(zip(values, short_names([*values]), strict=True))
    absent = [key for key, value in values.items() if value is ABSENT]
    said = [
        f"no {names[key]}" if value is ABSENT else f"{names[key]} {value_text(value, _CHARACTERS_SAID)}"
        for key, value in values.items()
        # Of what is a group of keys, those inside that differ follow; and they say nothing where there is no group.
        if not isinstance(value, dict) and not any(key.startswith(f"{outer}.") for outer in absent)
    ]
    rest = ["…"] if len(said) > _MOST_SAID else []
    there = {key: value for key, value in values.items() if value is not ABSENT}
    return Differences(there, ", ".join([*said[:_MOST_SAID], *rest]))
