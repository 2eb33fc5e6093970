"""Defaults of a configuration: which values were given, and which were not."""

from mnistnn.config.load import LoadedExperiment, leaves
from mnistnn.config.nodes import dotted


def keys_beyond_defaults(loaded: LoadedExperiment) -> set[str]:
    """Return the dotted keys of all values of an experiment that are not what they would be if left out."""
    data = loaded.validator.dump(loaded.experiment, exclude_defaults=True)
    return {dotted(path) for path in leaves(data)}
