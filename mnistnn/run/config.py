"""The configuration of a run, config.yaml, held to the digest that run.json has of it.

A configuration that was edited into another valid one is another experiment, and its metrics and parameters would be
taken for what they are not. So everybody who goes on from a run, or measures it, loads its configuration here.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from mnistnn.config.dump import config_hash
from mnistnn.config.load import DEFAULT, LoadedExperiment, leaves, load_resolved, overridden
from mnistnn.config.nodes import KeyPath, dotted
from mnistnn.errors import ConfigError, RunError
from mnistnn.plugins.code import Plugins
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.code import kept_packages, kept_plugins
from mnistnn.run.directory import RunDirectory, as_argument
from mnistnn.run.record import RunRecord, read_record

Standing = Literal["recorded", "before a resume", "another"]


def load_run_config(
    run: RunDirectory, overrides: Sequence[str] = (), record: RunRecord | None = None
) -> LoadedExperiment:
    """Load config.yaml, changed by `overrides`. Raises RunError if it cannot be read, or is not the one that run.json
    records, and ConfigError for an override that does not fit.

    record  what run.json said, if it was read before
    """
    kept = load_kept(run)

    def is_of(record: RunRecord) -> bool:
        return standing(kept, record, lambda: _newest_digest(run)) != "another"

    is_known = record is not None and is_of(record)
    # A resume that changes the configuration writes run.json first, so what that says now is no older than `kept`.
    if not is_known and not is_of(read_record(run)):
        raise RunError(
            f"{run.config}: altered: its SHA-256 is not the one in run.json (what may change is given when resuming, "
            f"such as: mnistnn resume {as_argument(run.path)} stopping.max_epochs.epochs=30)"
        )
    return overridden(kept, overrides) if overrides else kept


def load_kept(run: RunDirectory) -> LoadedExperiment:
    """Load config.yaml whatever digest it has, with the code that the run keeps. Code that is not trusted here is not
    executed, and packages need not be installed: such an experiment can be read, and not planned. Raises RunError.
    """
    plugins = kept_plugins(run)
    try:
        return load_with(run, plugins)
    except ConfigError as error:
        raise RunError(str(error)) from error


def load_with(run: RunDirectory, plugins: Plugins) -> LoadedExperiment:
    """Load config.yaml with the code that the run keeps and, where that is not all, with what it says of packages that
    need not be installed here. Raises ConfigError.
    """
    try:
        return load_resolved(run.config, (), plugins)
    except ConfigError:
        if not (packaged := kept_packages(run)):
            raise
        return load_resolved(run.config, (), plugins.with_packaged(packaged))


def standing(kept: LoadedExperiment, record: RunRecord, saved: Callable[[], set[str]]) -> Standing:
    """Tell whether a configuration is the one that run.json records.

    A resume that changes it writes run.json first. If it is killed right then, the configuration is still that of the
    checkpoints, whose digests `saved` returns.
    """
    digests = digests_of(kept)
    if record.config_hash in digests:
        return "recorded"
    if record.status == "running" and record.resumed and digests & saved():
        return "before a resume"
    return "another"


def digests_of(kept: LoadedExperiment) -> set[str]:
    """Return the digests that a file with a whole configuration may have been given when it was written: that of all
    its values, and that of those it has, if keys that it leaves out did not exist then.
    """
    return {config_hash(kept.resolved), config_hash(as_written(kept))}


def as_written(kept: LoadedExperiment) -> Any:
    """Return the plain data of a configuration without the keys under which everything is there by default alone."""
    return _written(kept.resolved, kept.origins, ())


def _written(data: Any, origins: dict[str, str], at: KeyPath) -> Any:
    if isinstance(data, list):
        return [_written(item, origins, (*at, index)) for index, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    return {
        key: _written(value, origins, (*at, key))
        for key, value in data.items()
        if any(origins[dotted(path)] != DEFAULT for path in leaves(value, (*at, key)))
    }


def _newest_digest(run: RunDirectory) -> set[str]:
    _, newest, _ = checkpoints.read_newest(run.checkpoints)
    return {newest.state.config_hash}
