"""An output for each class: what an experiment changes in to learn from other classes than those it was written for."""

from collections.abc import Sequence

from mnistnn.config.schema import AnyExperiment, Experiment
from mnistnn.data.splits import count_classes
from mnistnn.errors import ConfigError
from mnistnn.layers.dense import Dense
from mnistnn.losses.contract import PerClassLoss
from mnistnn.models.sequential import Sequential


def overrides_for_classes(experiment: AnyExperiment, classes: int) -> list[str]:
    """Return the overrides by which the last layer of a network has an output for each class, if that is what its loss
    needs. Of other models none: they find out how many classes there are.
    """
    if not isinstance(experiment, Experiment) or not isinstance(experiment.model, Sequential):
        return []
    name, last = list(experiment.model.layers.items())[-1]
    if not isinstance(last, Dense) or not isinstance(experiment.loss, PerClassLoss) or last.units == classes:
        return []
    return [f"model.layers.{name}.units={classes}"]


def overrides_for_other_data(experiment: AnyExperiment, overrides: Sequence[str]) -> list[str]:
    """Return what `overrides_for_classes` says of an experiment whose data set or labels overrides have chosen, unless
    one of these says how many outputs there are. Of a set that is not known here none: planning says so.
    """
    given = {override.partition("=")[0].strip() for override in overrides}
    if not given & {"data", "data.dataset", "data.labels"} or not experiment.data.has_images:
        return []
    try:
        found = overrides_for_classes(experiment, count_classes(experiment.data))
    except ConfigError:
        return []
    return [override for override in found if override.partition("=")[0] not in given]
