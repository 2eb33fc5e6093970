"""The experiment that a Python program means: the name of one, a file, or the content of one as a dict."""

import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.examples import experiment_file
from mnistnn.config.load import LoadedExperiment, load_experiment, load_text
from mnistnn.config.overrides import settings_as_overrides
from mnistnn.errors import ConfigError, UsageError
from mnistnn.plugins.given import Given, given_code

_DICT = "experiment"  # what a dict is called in messages, which show it as YAML


def loaded(
    experiment: str | Path | Mapping[str, Any], overrides: Sequence[str], code: Given = None
) -> LoadedExperiment:
    """Load an experiment, with the components of files of code. Raises ConfigError with all mistakes, UsageError for
    what is none of these types.
    """
    for override in overrides:
        if not isinstance(override, str):
            raise UsageError(f"overrides: expected texts such as 'optimizer.learning_rate=0.1', got {override!r}")
    if isinstance(experiment, str | Path):
        return load_experiment(experiment_file(str(experiment)).path, overrides, given_code(code))
    if isinstance(experiment, Mapping):
        return load_text(resolved_yaml(_plain(experiment, ())), _DICT, overrides, given_code(code))
    raise UsageError(
        f"experiment: expected a name, the path of a YAML file, or a dict, got a {type(experiment).__name__}"
    )


def settings(
    name: str | None = None,
    epochs: SupportsIndex | None = None,
    device: str | None = None,
    seed: SupportsIndex | None = None,
) -> list[str]:
    """Write settings that stand for configuration keys as overrides. Raises UsageError for counts that are none."""
    return settings_as_overrides(name, _whole("epochs", epochs), device, _whole("seed", seed))


def _whole(name: str, value: Any) -> int | None:
    try:
        return None if value is None else operator.index(value)
    except TypeError:
        raise UsageError(f"{name}: expected a whole number, got {value!r:.100}") from None


def _plain(value: Any, at: tuple[str, ...]) -> Any:
    """Return a value as YAML has it. Raises ConfigError for one that it has not."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(f"{_named(at)}: keys are texts, got {key!r}")
        return {key: _plain(each, (*at, key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, (*at, str(number))) for number, each in enumerate(value)]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise ConfigError(f"{_named(at)}: expected what YAML has (text, numbers, lists, dicts), got {value!r:.100}")


def _named(at: tuple[str, ...]) -> str:
    return ".".join((_DICT, *at))
