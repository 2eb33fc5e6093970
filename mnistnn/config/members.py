"""`members: [{experiment: FILE, overrides: […]}, …]` of a committee: each becomes a whole experiment.

So an experiment, and the configuration of a run, says all that its members are, whatever becomes of the files. A name
is relative to the file that says it, or that of an experiment of mnistnn.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistnn.config.dump import scalar_yaml
from mnistnn.config.examples import named_in_file
from mnistnn.config.extends import KEY as EXTENDS
from mnistnn.config.extends import read_source, read_tree
from mnistnn.config.messages import Problem, ProblemError
from mnistnn.config.nodes import Entry, KeyPath, ListNode, MappingNode, Node, Scalar, find, plain
from mnistnn.config.overrides import apply_overrides
from mnistnn.config.relative_files import with_files_found
from mnistnn.config.source import Place, Source
from mnistnn.config.validate import type_first

if TYPE_CHECKING:
    from mnistnn.config.experiment_kinds import ExperimentValidator

_MEMBERS = ("model", "members")
_SEEDS_APART = 1000  # so that the members of committees with neighbouring seeds are others
_SEEDS = 2**63
_BY_DEFAULT = Place(Source("default", ""), 0)


def with_members(
    root: Node, sources: list[tuple[str, str]], problems: list[Problem], validator: "ExperimentValidator"
) -> Node:
    """Return the tree of an experiment in which a committee's members are whole, every default written out.

    Adds each text read to `sources`, and what is wrong in a member, at its own place, to `problems`.
    """
    kind, members = find(root, ("model", "type")), find(root, _MEMBERS)
    if not isinstance(kind, Scalar) or kind.value != "committee" or not isinstance(members, ListNode):
        return root
    seed = find(root, ("seed",))
    first = _SEEDS_APART * (seed.value if isinstance(seed, Scalar) and isinstance(seed.value, int) else 0)
    whole = [
        _whole(item, (first + number) % _SEEDS, sources, problems, validator)
        for number, item in enumerate(members.items)
    ]
    return _replaced(root, ListNode(tuple(whole), members.place))


def _whole(
    item: Node,
    seed: int,
    sources: list[tuple[str, str]],
    problems: list[Problem],
    validator: "ExperimentValidator",
) -> Node:
    """Return a member with its whole experiment, under its overrides; as it is if something is wrong with it."""
    named, overrides = find(item, ("experiment",)), find(item, ("overrides",))
    changes: Any = [] if overrides is None else plain(overrides)
    if not isinstance(item, MappingNode) or not isinstance(changes, list | None):
        return item  # the schema says what is wrong, here and below
    if not all(isinstance(each, str) for each in changes or ()):
        return item
    found: list[Problem] = []
    if isinstance(named, MappingNode):
        given, names_seed = _inline(named, found), "seed" in named.entries
    elif isinstance(named, Scalar) and isinstance(named.value, str):
        given, names_seed = _read(named, sources, found), False  # or one file could not be several members
    else:
        return item
    whole: Node | None = None
    if given is not None:
        given = with_files_found(given)
        if not names_seed:
            given = apply_overrides(given, [f"seed={seed}"], found, str(item.place))
        if changes and overrides is not None:
            given = apply_overrides(given, changes, found, str(overrides.place))
        whole = _validated(given, found, validator)
    problems += [_placed(problem, named) for problem in found]
    if whole is None or found:
        return item
    entries = {**item.entries, "experiment": Entry(item.entries["experiment"].key_place, whole)}
    if overrides is not None:  # they are part of the experiment now
        entries["overrides"] = Entry(item.entries["overrides"].key_place, ListNode((), overrides.place))
    return MappingNode(entries, item.place)


def _inline(experiment: MappingNode, problems: list[Problem]) -> MappingNode | None:
    """Return the tree of an experiment that stands in the member itself; None, and a problem, if it extends a file."""
    if EXTENDS not in experiment.entries:
        return experiment
    what = "only a file can extend another; `experiment: FILE` takes the name of one"
    problems.append(Problem(experiment.entries[EXTENDS].key_place, what))
    return None


def _read(name: Scalar, sources: list[tuple[str, str]], problems: list[Problem]) -> MappingNode | None:
    """Return the tree of the file that a member names, and of what that extends; None, and problems, without one."""
    source = name.place.source
    folder = os.path.dirname(source.name) if source.path is not None else ""
    path, shown = named_in_file(name.text, Path() if source.path is None else source.path.parent, folder)
    texts: list[Source] = []
    try:
        tree = read_tree(read_source(path, shown, name.place), texts, problems)
    except ProblemError as error:
        problems.append(error.problem)
        return None
    sources.extend(each for each in ((text.name, text.text) for text in texts) if each not in sources)
    return tree


def _validated(given: MappingNode, problems: list[Problem], validator: "ExperimentValidator") -> Node | None:
    """Return the whole experiment that a member's tree stands for; None, and problems, if it is invalid."""
    kind = find(given, ("model", "type"))
    if isinstance(kind, Scalar) and kind.value == "committee":
        problems.append(Problem(kind.place, "a committee is no member of another one; its members could be"))
        return None
    experiment, tree = validator.validate(given, problems)
    if experiment is None:
        return None
    # In the order in which a run's config.yaml is written, which is part of its digest.
    return _as_node(type_first(validator.dump(experiment)), tree, ())


def _as_node(data: Any, tree: Node, at: KeyPath) -> Node:
    """Return plain data as a tree, whose values have the places that they have in another one."""
    found = find(tree, at)
    place = _BY_DEFAULT if found is None else found.place
    if isinstance(data, dict):
        nodes = {key: _as_node(value, tree, (*at, key)) for key, value in data.items()}
        return MappingNode({key: Entry(node.place, node) for key, node in nodes.items()}, place)
    if isinstance(data, list):
        return ListNode(tuple(_as_node(value, tree, (*at, index)) for index, value in enumerate(data)), place)
    return Scalar(data, scalar_yaml(data), place)


def _placed(problem: Problem, named: Node) -> Problem:
    """Return a problem of a member so that its place, or a second one, shows which member it is."""
    if problem.place.source is named.place.source:
        return replace(problem, place=named.place) if problem.place.line == 0 else problem
    return problem if problem.also else replace(problem, also=(named.place, "read for this member"))


def _replaced(root: Node, members: ListNode) -> Node:
    assert isinstance(root, MappingNode)
    model = root.entries["model"]
    assert isinstance(model.value, MappingNode)
    entries = {**model.value.entries}
    entries["members"] = Entry(entries["members"].key_place, members)
    return MappingNode(
        {**root.entries, "model": Entry(model.key_place, MappingNode(entries, model.value.place))}, root.place
    )
