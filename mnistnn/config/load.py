"""Loading: a YAML file, or a text, and overrides become a validated experiment, or one error with all
mistakes.

What was given (files, overrides, the place of every value) stays beside the result, so that a run can keep
it and a mistake found later, such as shapes that do not fit, can still be shown at its line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistnn.config.extends import KEY as EXTENDS
from mnistnn.config.extends import read_mapping, read_source, read_tree
from mnistnn.config.members import with_members
from mnistnn.config.messages import Problem, ProblemError, config_error
from mnistnn.config.nodes import MappingNode, Node, Scalar, deepest, dotted, find, key_place
from mnistnn.config.overrides import NAME as COMMAND_LINE
from mnistnn.config.overrides import apply_overrides
from mnistnn.config.relative_files import with_files_found
from mnistnn.config.source import Place, Source
from mnistnn.errors import ConfigError

if TYPE_CHECKING:
    from mnistnn.config.experiment_kinds import ExperimentValidator
    from mnistnn.config.schema import AnyExperiment

DEFAULT = "default"
# What changes how an experiment is done, and not what it is.
_NO_OTHER_EXPERIMENT = frozenset({"name", "seed", "backend", "checkpoint", "evaluation"})


@lru_cache(maxsize=1)
def experiment_validator() -> "ExperimentValidator":
    """Return the validator for experiments. No other place names the schema."""
    from mnistnn.config.experiment_kinds import ExperimentValidator

    return ExperimentValidator(also_at_root=(EXTENDS,))


@dataclass(frozen=True)
class LoadedExperiment:
    """A validated experiment and where it came from.

    resolved   plain data with every default written out; loads again to an equal experiment
    origins    for every dotted key of `resolved`: `file:line`, `command line` or `default`
    sources    (name, text) of every file read, the one asked for first
    overrides  as given
    """

    experiment: "AnyExperiment"
    resolved: dict[str, Any]
    origins: dict[str, str]
    sources: list[tuple[str, str]]
    overrides: list[str]
    tree: Node = field(repr=False)

    def error(self, message: str, key: str) -> ConfigError:
        """Return the error that shows `message` at the place of the dotted `key`, or of what holds it."""
        path = deepest(self.tree, tuple(key.split(".")))
        node = find(self.tree, path)
        if not path:
            place = Place(self.tree.place.source, 0)
        else:
            place = node.place if isinstance(node, Scalar) else key_place(self.tree, path)
        return config_error([Problem(place, message)], key)


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> LoadedExperiment:
    """Load an experiment file, what it extends, and overrides. Raises ConfigError with all mistakes."""
    return _load(_read(path), overrides, follow_extends=True)


def load_text(text: str, name: str, overrides: Sequence[str] = ()) -> LoadedExperiment:
    """Load an experiment from text, called `name` in messages. It extends no file. Raises ConfigError."""
    return _load(Source(name, text.removeprefix("\ufeff")), overrides, follow_extends=True)


def load_resolved(path: Path, overrides: Sequence[str] = ()) -> LoadedExperiment:
    """Load a run's own config.yaml, which is complete: `extends` is no key of it. Raises ConfigError."""
    return _load(_read(path), overrides, follow_extends=False)


def overridden(loaded: LoadedExperiment, overrides: Sequence[str]) -> LoadedExperiment:
    """Return an experiment that was loaded without overrides, changed by some; no text is read again.

    Raises ConfigError.
    """
    assert isinstance(loaded.tree, MappingNode)
    return _validated(loaded.tree, loaded.sources, overrides, [])


def _read(path: Path) -> Source:
    try:
        return read_source(path, str(path))
    except ProblemError as error:
        raise config_error([error.problem]) from error


def _load(source: Source, overrides: Sequence[str], follow_extends: bool) -> LoadedExperiment:
    problems: list[Problem] = []
    sources: list[Source] = []
    if follow_extends:
        root = read_tree(source, sources, problems)
    else:
        root = read_mapping(source, problems)
        sources.append(source)
    if root is None:
        raise config_error(problems)
    texts = [(each.name, each.text) for each in sources]
    return _validated(root, texts, overrides, problems)


def _validated(
    root: MappingNode, sources: list[tuple[str, str]], overrides: Sequence[str], problems: list[Problem]
) -> LoadedExperiment:
    """Return the experiment of a tree under overrides; `problems` are those of its texts."""
    sources = [*sources]
    validator = experiment_validator()
    named = with_files_found(apply_overrides(root, overrides, problems))
    given = with_members(named, sources, problems, validator)
    experiment, tree = validator.validate(given, problems)
    if problems or experiment is None:
        raise config_error(problems)
    validator.complete(experiment, tree, _own_claims(tree, sources, overrides))
    resolved = validator.dump(experiment)
    return LoadedExperiment(
        experiment=experiment,
        resolved=resolved,
        origins={dotted(key): _origin(tree, key) for key in leaves(resolved)},
        sources=sources,
        overrides=list(overrides),
        tree=tree,
    )


def _own_claims(tree: Node, sources: list[tuple[str, str]], overrides: Sequence[str]) -> set[str]:
    """Return the keys of `expect` that are about this experiment: those that stand in the file itself, unless an
    override makes another experiment of it, and those that stand on the command line.
    """
    claims = find(tree, ("expect",))
    if not isinstance(claims, MappingNode):
        return set()
    keys = {override.partition("=")[0].strip().split(".")[0] for override in overrides}
    own = {COMMAND_LINE}
    if sources and keys <= _NO_OTHER_EXPERIMENT | {"expect"}:
        own.add(sources[0][0])
    return {key for key, entry in claims.entries.items() if entry.value.place.source.name in own}


def leaves(data: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every value of plain data that holds no further values."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from leaves(value, (*at, key))
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from leaves(value, (*at, index))
    else:
        yield at


def _origin(tree: Node, key: tuple[str | int, ...]) -> str:
    node = find(tree, key)
    return str(node.place) if node is not None else DEFAULT
