"""Loading: a YAML file, or a text, and overrides become a validated experiment, or one error with all
mistakes.

What was given (files, overrides, the place of every value) stays beside the result, so that a run can keep
it and a mistake found later, such as shapes that do not fit, can still be shown at its line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistnn.config.extends import KEY as EXTENDS
from mnistnn.config.extends import read_mapping, read_source, read_tree
from mnistnn.config.members import with_members
from mnistnn.config.messages import Problem, ProblemError, config_error
from mnistnn.config.nodes import KeyPath, MappingNode, Node, Scalar, deepest, dotted, find, key_place
from mnistnn.config.overrides import NAME as COMMAND_LINE
from mnistnn.config.overrides import apply_overrides
from mnistnn.config.relative_files import with_files_found
from mnistnn.config.source import Place, Source
from mnistnn.errors import ConfigError
from mnistnn.plugins.code import NO_PLUGINS, Declared, Plugins
from mnistnn.plugins.trust import trusted_among, trusting

if TYPE_CHECKING:
    from mnistnn.config.experiment_kinds import ExperimentValidator
    from mnistnn.config.schema import AnyExperiment

DEFAULT = "default"
_MOST_VALIDATORS = 16  # that are kept: experiments of one process may have other plugins each
# What changes how an experiment is done, and not what is learned, chosen or measured: keys with all that is below them.
_NO_OTHER_EXPERIMENT = (
    "name",
    "seed",
    "backend",
    "checkpoint.every_epochs",
    "checkpoint.every_s",
    "checkpoint.keep_last",
    "checkpoint.keep_every_epochs",
    "evaluation.batch_size",
    "evaluation.train_error",
    "expect",
)


def experiment_validator(plugins: Plugins = NO_PLUGINS) -> "ExperimentValidator":
    """Return the validator for experiments that may have what plugins declare. No other place names the schema.

    Code that is not trusted is not executed: stand-ins take its place. Raises ConfigError for code that cannot be
    loaded, and for two components of one type.
    """
    return _validator(plugins, trusted_among(plugins.digests.values()) if plugins.files else frozenset())


@lru_cache(maxsize=_MOST_VALIDATORS)
def _validator(plugins: Plugins, trusted: frozenset[str]) -> "ExperimentValidator":
    from mnistnn.config.experiment_kinds import ExperimentValidator
    from mnistnn.plugins.components import components_of

    return ExperimentValidator((EXTENDS,), components_of(plugins, trusted))


@dataclass(frozen=True)
class LoadedExperiment:
    """A validated experiment and where it came from.

    resolved   plain data with every default written out; loads again to an equal experiment
    origins    for every dotted key of `resolved`: `file:line`, `command line` or `default`
    sources    (name, text) of every file read, the one asked for first
    overrides  as given, and behind them those that follow from them
    followed   those that follow from others: for other data, the number of outputs
    plugins    what it was given beside, which its validator was made with
    validator  what it was checked by, with all components that it may have
    """

    experiment: "AnyExperiment"
    resolved: dict[str, Any]
    origins: dict[str, str]
    sources: list[tuple[str, str]]
    overrides: list[str]
    followed: list[str]
    tree: Node = field(repr=False)
    plugins: Plugins
    validator: "ExperimentValidator" = field(repr=False, compare=False)

    @property
    def lacking(self) -> tuple[str, ...]:
        """Why it can be read, and not be planned: what its plugins need to be executed here."""
        return self.validator.components.lacking(self.plugins.place)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what has classes that another process cannot find by their names, and say what is trusted here."""
        trusted = trusted_among(self.plugins.digests.values())
        return {**vars(self), "experiment": None, "validator": None, "trusted": trusted}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make an experiment with the same values, of code with the same digests that whoever sent it trusts."""
        trusted: frozenset[str] = state.pop("trusted")
        with trusting(trusted):
            state["validator"] = experiment_validator(state["plugins"])
        state["experiment"] = state["validator"].experiment_of(state["resolved"])
        vars(self).update(state)

    def error(self, message: str, key: str) -> ConfigError:
        """Return the error that shows `message` at the place of the dotted `key`, or of what holds it."""
        path = deepest(self.tree, tuple(key.split(".")))
        node = find(self.tree, path)
        if not path:
            place = Place(self.tree.place.source, 0)
        else:
            place = node.place if isinstance(node, Scalar) else key_place(self.tree, path)
        return config_error([Problem(place, message)], key)


def load_experiment(path: Path, overrides: Sequence[str] = (), plugins: Plugins = NO_PLUGINS) -> LoadedExperiment:
    """Load an experiment file, what it extends, and overrides. Raises ConfigError with all mistakes."""
    return _load(_read(path), overrides, plugins, follow_extends=True)


def load_text(text: str, name: str, overrides: Sequence[str] = (), plugins: Plugins = NO_PLUGINS) -> LoadedExperiment:
    """Load an experiment from text, called `name` in messages. It extends no file. Raises ConfigError."""
    return _load(Source(name, text.removeprefix("\ufeff")), overrides, plugins, follow_extends=True)


def load_resolved(path: Path, overrides: Sequence[str] = (), plugins: Plugins = NO_PLUGINS) -> LoadedExperiment:
    """Load a run's own config.yaml, which is complete: `extends` is no key of it. Raises ConfigError."""
    return _load(_read(path), overrides, plugins, follow_extends=False)


def overridden(loaded: LoadedExperiment, overrides: Sequence[str]) -> LoadedExperiment:
    """Return an experiment that was loaded without overrides, changed by some; no text is read again.

    Raises ConfigError.
    """
    assert isinstance(loaded.tree, MappingNode)
    return _validated(loaded.tree, loaded.sources, overrides, [], loaded.plugins)


def _read(path: Path) -> Source:
    try:
        return read_source(path, str(path))
    except ProblemError as error:
        raise config_error([error.problem]) from error


def _load(source: Source, overrides: Sequence[str], plugins: Plugins, follow_extends: bool) -> LoadedExperiment:
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
    return _validated(root, texts, overrides, problems, plugins)


def _validated(
    root: MappingNode,
    texts: Sequence[tuple[str, str]],
    overrides: Sequence[str],
    problems: Sequence[Problem],
    plugins: Plugins,
) -> LoadedExperiment:
    """Return the experiment of a tree under overrides; `problems` are those of its texts.

    Only if something is wrong with it, installed packages are asked whether they have what it names.
    """
    sources, found = [*texts], [*problems]
    validator = experiment_validator(plugins)
    named = with_files_found(apply_overrides(root, overrides, found))
    given = with_members(named, sources, found, validator)
    packaged = lru_cache(lambda: _packaged_types(plugins, sources, overrides))
    experiment, tree = validator.validate(given, found, lambda: bool(packaged()))
    if found or experiment is None:
        if types := packaged():
            return _validated(root, texts, overrides, problems, _with_packages(plugins, types))
        raise config_error(found)
    validator.complete(experiment, tree, _own_claims(tree, sources, overrides))
    resolved = validator.dump(experiment)
    if follow := _following(experiment, overrides):
        found_again = _validated(root, texts, [*overrides, *follow], problems, plugins)
        return replace(found_again, followed=follow)
    if len(used := _used(plugins, resolved)) < len(plugins.packaged):
        return _validated(root, texts, overrides, problems, plugins.with_packaged(used))
    return LoadedExperiment(
        experiment=experiment,
        resolved=resolved,
        origins={dotted(key): _origin(tree, key) for key in leaves(resolved)},
        sources=sources,
        overrides=list(overrides),
        followed=[],
        tree=tree,
        plugins=plugins,
        validator=validator,
    )


def _following(experiment: "AnyExperiment", overrides: Sequence[str]) -> list[str]:
    """Return what else is to be overridden where overrides name other data."""
    if not any(override.lstrip().startswith("data") for override in overrides):
        return []
    from mnistnn.config.outputs import overrides_for_other_data

    return overrides_for_other_data(experiment, overrides)


def _packaged_types(plugins: Plugins, sources: Sequence[tuple[str, str]], overrides: Sequence[str]) -> set[str]:
    """Return the types that texts name, and that installed packages have and the plugins have not."""
    from mnistnn.plugins.packages import types_named_in

    return types_named_in([*(text for _, text in sources), *overrides]) - {each.type for each in plugins.packaged}


def _with_packages(plugins: Plugins, types: set[str]) -> Plugins:
    from mnistnn.plugins.packages import declared_by_packages

    return plugins.with_packaged((*plugins.packaged, *declared_by_packages(types)))


def _used(plugins: Plugins, resolved: dict[str, Any]) -> list[Declared]:
    """Return the components of packages whose types an experiment names."""
    if not plugins.packaged:
        return []
    named = {value for path, value in _values(resolved) if path[-1:] == ("type",)}
    return [each for each in plugins.packaged if each.type in named]


def _own_claims(tree: Node, sources: list[tuple[str, str]], overrides: Sequence[str]) -> set[str]:
    """Return the keys of `expect` that are about this experiment: those that stand in the file itself, unless an
    override makes another experiment of it, and those that stand on the command line.
    """
    claims = find(tree, ("expect",))
    if not isinstance(claims, MappingNode):
        return set()
    keys = [override.partition("=")[0].strip() for override in overrides]
    own = {COMMAND_LINE}
    if sources and all(f"{key}.".startswith(tuple(f"{same}." for same in _NO_OTHER_EXPERIMENT)) for key in keys):
        own.add(sources[0][0])
    return {key for key, entry in claims.entries.items() if entry.value.place.source.name in own}


def leaves(data: Any, at: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every value of plain data that holds no further values."""
    return (path for path, _ in _values(data, at))


def _values(data: Any, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every value of plain data that holds no further values, behind its path."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _values(value, (*at, key))
    elif isinstance(data, list) and data:
        for index, value in enumerate(data):
            yield from _values(value, (*at, index))
    else:
        yield at, data


def _origin(tree: Node, key: tuple[str | int, ...]) -> str:
    node = find(tree, key)
    return str(node.place) if node is not None else DEFAULT
