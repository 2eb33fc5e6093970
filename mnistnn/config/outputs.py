"""What else is to be overridden where an experiment is to learn from other classes than those it was written for."""

from collections.abc import Sequence

from mnistnn.config.schema import AnyExperiment, Experiment
from mnistnn.data.splits import count_classes
from mnistnn.errors import ConfigError
from mnistnn.models.outputs import overrides_for_classes


def overrides_for_other_data(
    experiment: AnyExperiment, overrides: Sequence[str], classes: int | None = None
) -> list[str]:
    """Return the overrides that give a network an output for each class, where overrides have chosen its data set or
    labels and none of them says how many outputs there are.

    classes  of the data, if they are known; of a set that is not known here nothing follows: planning says so
    """
    given = {override.partition("=")[0].strip() for override in overrides}
    if not isinstance(experiment, Experiment) or not given & {"data", "data.dataset", "data.labels"}:
        return []
    if classes is None:
        try:
            classes = count_classes(experiment.data) if experiment.data.has_images else 0
        except ConfigError:
            classes = 0
    found = overrides_for_classes(experiment.model, experiment.loss, classes) if classes else []
    return [override for override in found if override.partition("=")[0] not in given]
