"""The experiment that a Python program means: a file, or the content of one as a dict."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.load import LoadedExperiment, load_experiment, load_text
from mnistnn.errors import ConfigError, UsageError

_DICT = "experiment"  # what a dict is called in messages, which show it as YAML


def experiment_of(reference: str | Path) -> Path:
    """Return the file that a program names."""
    return Path(reference)


def loaded(experiment: str | Path | Mapping[str, Any], overrides: Sequence[str]) -> LoadedExperiment:
    """Load an experiment. Raises ConfigError with all mistakes, UsageError for what is none of these types."""
    for override in overrides:
        if not isinstance(override, str):
            raise UsageError(f"overrides: expected texts such as 'optimizer.learning_rate=0.1', got {override!r}")
    if isinstance(experiment, str | Path):
        return load_experiment(experiment_of(experiment), overrides)
    if isinstance(experiment, Mapping):
        return load_text(resolved_yaml(_plain(experiment, ())), _DICT, overrides)
    raise UsageError(f"experiment: expected the path of a YAML file, or a dict, got a {type(experiment).__name__}")


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
