"""An output for each class: what an experiment changes in to learn from other classes than those it was written for."""

from mnistnn.config.schema import AnyExperiment, Experiment
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
