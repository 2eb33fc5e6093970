"""Defaults of a configuration: which values were given, and which were not."""

from typing import Any

from mnistnn.config.load import experiment_validator, leaves
from mnistnn.config.nodes import dotted


def keys_beyond_defaults(experiment: Any) -> set[str]:
    """Return the dotted keys of all values of an experiment that are not what they would be if left out."""
    data = experiment_validator().dump(experiment, exclude_defaults=True)
    return {dotted(path) for path in leaves(data)}
