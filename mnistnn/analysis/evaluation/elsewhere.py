"""A trained model given the examples of another data set: of one with the same classes in images of the same size."""

from dataclasses import fields, replace

from mnistnn.data.class_names import names_or_numbers
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.source import ImageSource, info_of
from mnistnn.data.spec import Limits
from mnistnn.data.splits import default_data, describe, ensure_available
from mnistnn.errors import ConfigError, UsageError
from mnistnn.experiment.trained import Trained, TrainedElsewhere

_SHOWN = 5


def on_another_set(trained: Trained, dataset: str, progress: bool = False) -> TrainedElsewhere:
    """Return a model of a run with the splits of another set at hand, whole, as experiments have them that say no more
    than its name. Pixels are scaled and preprocessed as those of the run.

    A known set is fetched if it is not there. Raises UsageError for a set that does not fit, and for a kind of model
    that is not measured so; ConfigError for an unknown set; DataError as `ensure_available`.
    """
    plan, own = trained.plan, trained.plan.experiment.data
    if trained.task.result_elsewhere is None:
        raise UsageError(f"{plan.experiment.name}: only classifiers are measured on another data set (--on)")
    if not own.has_images:
        raise UsageError(f"{plan.experiment.name}: reads {plan.source.called}, and data sets hold images")
    if dataset == own.dataset:
        raise UsageError(f"{dataset} is what the run was trained on; without --on it is measured on that")
    _refuse_other_kind(trained, dataset)
    ensure_available(dataset, progress)
    default = default_data(dataset).validation_examples
    data = replace(own, dataset=dataset, validation_examples=default, limits=Limits())
    given = {field.name: getattr(trained, field.name) for field in fields(Trained)}
    return TrainedElsewhere(**given, data=data, source=ImageSource(data))


def _refuse_other_kind(trained: Trained, dataset: str) -> None:
    """Raise UsageError if the set has images of another size, or other classes, than that of the run."""
    found, shape = describe(dataset), trained.plan.image_shape
    if found.image_shape != shape:
        sizes = ("{}x{}".format(*each) for each in (found.image_shape, shape))
        raise UsageError("{} has images of {} pixels, and the model reads {}".format(dataset, *sizes))
    own = _own_info(trained)
    names, expected = (names_or_numbers(each.class_names, each.classes) for each in (found, own))
    if names != expected:
        raise UsageError(f"{dataset} has the classes {_listed(names)}, and the model knows {_listed(expected)}")


def _own_info(trained: Trained) -> DatasetInfo:
    """Return what is known of the run's own set, which may be gone: then what the run has kept."""
    try:
        return describe(trained.plan.experiment.data.dataset)
    except ConfigError:
        kept = info_of(trained.plan.source.facts)
        if kept is None:
            raise
        return kept


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", … ({len(names)})" if len(names) > _SHOWN else "")
