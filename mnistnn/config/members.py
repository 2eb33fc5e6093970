"""`members: [{experiment: FILE, overrides: […]}, …]` of a committee: files become whole experiments.

So an experiment, and the configuration of a run, says all that its members are, whatever becomes of the files. A name
is relative to the file that says it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.extends import read_mapping, read_source
from mnistnn.config.messages import Problem, ProblemError
from mnistnn.config.nodes import Entry, ListNode, MappingNode, Node, Scalar, find, plain
from mnistnn.config.source import Source
from mnistnn.config.validate import type_first
from mnistnn.errors import ConfigError

_MEMBERS = ("model", "members")
_SEEDS_APART = 1000  # so that the members of committees with neighbouring seeds are others


class LoadedMember(Protocol):
    """What is made of a member's file and its overrides."""

    @property
    def resolved(self) -> dict[str, Any]: ...

    @property
    def sources(self) -> list[tuple[str, str]]: ...


Load = Callable[[Source, list[str]], LoadedMember]


def with_members(root: Node, sources: list[tuple[str, str]], problems: list[Problem], load: Load) -> Node:
    """Return the tree of an experiment in which the files of a committee's members are read.

    Adds each text read to `sources`. What is wrong in a member is a problem at the place that names it.
    """
    members = find(root, _MEMBERS)
    if not isinstance(members, ListNode) or not any(_is_file(find(each, ("experiment",))) for each in members.items):
        return root
    seed = find(root, ("seed",))
    first = _SEEDS_APART * (seed.value if isinstance(seed, Scalar) and isinstance(seed.value, int) else 0)
    read = [_read(item, first + number, sources, problems, load) for number, item in enumerate(members.items)]
    return _replaced(root, ListNode(tuple(read), members.place))


def refuse_committee(root: Node, problems: list[Problem]) -> None:
    """Add a problem if what is to be a member is a committee itself."""
    kind = find(root, ("model", "type"))
    if isinstance(kind, Scalar) and kind.value == "committee":
        problems.append(Problem(kind.place, "a committee is no member of another one; its members could be"))


def _is_file(node: Node | None) -> bool:
    return isinstance(node, Scalar) and isinstance(node.value, str)


def _read(item: Node, seed: int, sources: list[tuple[str, str]], problems: list[Problem], load: Load) -> Node:
    """Return a member with the experiment that it names, under its overrides."""
    name, overrides = find(item, ("experiment",)), find(item, ("overrides",))
    if not isinstance(item, MappingNode) or not isinstance(name, Scalar) or not isinstance(name.value, str):
        return item
    changes: Any = plain(overrides) if overrides is not None else []
    if not isinstance(changes, list) or not all(isinstance(each, str) for each in changes):
        return item  # the schema says what is wrong
    source = name.place.source
    folder = os.path.dirname(source.name) if source.path is not None else ""
    shown = os.path.normpath(os.path.join(folder, name.value))
    path = (Path() if source.path is None else source.path.parent) / name.value
    if not any(each.startswith("seed=") for each in changes):
        changes = [*changes, f"seed={seed}"]
    try:
        loaded = load(read_source(path, shown, name.place), changes)
    except ProblemError as error:
        problems.append(error.problem)
        return item
    except ConfigError as error:
        reason = str(error).removesuffix("\n1 error, nothing was run.")
        problems.append(Problem(name.place, f"this member is not valid: {reason}"))
        return item
    sources.extend(each for each in loaded.sources if each not in sources)
    # In the order in which a run's config.yaml is written, which is part of its digest.
    whole = read_mapping(Source(shown, resolved_yaml(type_first(loaded.resolved))), problems)
    assert whole is not None
    return MappingNode({"experiment": Entry(item.entries["experiment"].key_place, whole)}, item.place)


def _replaced(root: Node, members: ListNode) -> Node:
    assert isinstance(root, MappingNode)
    model = root.entries["model"]
    assert isinstance(model.value, MappingNode)
    entries = {**model.value.entries}
    entries["members"] = Entry(entries["members"].key_place, members)
    return MappingNode(
        {**root.entries, "model": Entry(model.key_place, MappingNode(entries, model.value.place))}, root.place
    )
