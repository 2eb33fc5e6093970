"""Compatibility checks between the parts of an experiment: optimizers need certain models, losses and batches, policies
need metrics, and some need memory.

Incompatible parts are refused when the experiment is planned, at the key at fault, before any data is read. Parts that
are for some kinds of model only are refused by their tasks (`tasks/`).
"""

from collections.abc import Collection, Iterator

from mnistnn.config.schema import AnyExperiment
from mnistnn.data.sequences.csv_series import CsvSeries
from mnistnn.errors import ConfigError
from mnistnn.layers.recurrent_base import RecurrentBase
from mnistnn.optim.contract import Requirements
from mnistnn.tasks.contract import Task, metrics_read
from mnistnn.tasks.stepped import SteppedTask


def updates_per_objective(task: SteppedTask, train_examples: int) -> int | None:
    """Return after how many updates the objective becomes another function of theta; None if it never does."""
    experiment = task.experiment
    draws = experiment.augment is not None or next(task.what_changes(), None) is not None
    if experiment.batches.is_always_the_same(train_examples) and not draws:
        return None
    return experiment.batches.updates


def refuse_what_does_not_fit(task: SteppedTask, train_examples: int, sizes_are_known: bool) -> None:
    """Raise ConfigError, with the key at fault, if an optimizer lacks what it requires, or the chunks of a batch do.

    The model must have been built; with `sizes_are_known` that it is too large is refused as well.
    """
    experiment = task.experiment
    requirements, name = experiment.optimizer.requirements, experiment.optimizer.type
    if not task.has_value and requirements != Requirements():
        raise ConfigError(
            f"{name} asks the objective for more than a direction, and {experiment.loss.type} has no value that "
            "falls along its own; sgd, momentum, adam and the other rules follow it",
            key="optimizer",
        )
    if requirements.one_objective and updates_per_objective(task, train_examples) == 1:
        key, why = next(_what_changes(task, train_examples))
        raise ConfigError(
            f"{name} compares each step with the last one, so it needs the same objective for several updates, and "
            f"{why} (batches.updates: 10 makes ten updates of each batch, under the same masks and distortions)",
            key=key,
        )
    if requirements.values:
        for key, why in _what_moves_theta(task):
            raise ConfigError(f"{name} needs theta to stay where it has put it, and {why}", key=key)
        for layer in _what_is_left_out(task):
            raise ConfigError(
                f"{name} needs the gradient of the values that it sees, and truncate leaves a part of it out",
                key=f"model.layers.{layer}",
            )
    itemsize = 4 if experiment.backend.dtype == "float32" else 8
    if sizes_are_known and (excess := experiment.optimizer.too_large(experiment.model.size, itemsize)):
        raise ConfigError(excess, key="optimizer")
    task.refuse_optimizer(name, requirements)
    if experiment.batches.chunk is not None and experiment.model.statistics:
        raise ConfigError(
            f"{_owner(task)} is about a batch as a whole, which does not pass in pieces", key="batches.chunk"
        )


def refuse_what_is_not_carried_on(task: Task) -> None:
    """Raise ConfigError if a layer carries its state on, and batches do not go on where it was."""
    source, batches = task.experiment.data.sequences, task.experiment.batches
    for name, layer in task.layers.items():
        if not isinstance(layer, RecurrentBase) or layer.carry is None:
            continue
        key = f"model.layers.{name}"
        if not isinstance(source, CsvSeries) or source.window is None:
            raise ConfigError("carry: is for windows of a series (data.sequences of type csv, to forecast)", key=key)
        if layer.carry != (moves := source.stride or source.window):
            raise ConfigError(f"carry: {layer.carry}, but windows move by {moves} steps (stride)", key=key)
        if batches.order != "lanes" or batches.updates != 1:
            raise ConfigError(
                "carry: needs batches that go on in each place: order: lanes, one update of each", key=key
            )


def refuse_metrics_of_validation(experiment: AnyExperiment) -> None:
    """Raise ConfigError if something reads a metric of the validation split, which is empty."""
    for key, metrics in metrics_read(experiment).items():
        for metric in metrics:
            if metric.startswith("valid."):
                raise ConfigError(
                    f"{metric} needs validation examples, and data.validation_examples is 0 "
                    "(without any, checkpoint.monitor is last)",
                    key=key,
                )


def refuse_what_needs_all_at_once(experiment: AnyExperiment, streamed: Collection[str], unfitted: int | None) -> None:
    """Raise ConfigError if something needs the whole of a split that is streamed.

    streamed  names of these splits
    unfitted  the number of the first transform that is yet to be fitted, if there is one
    """
    data, batches = experiment.data, experiment.batches
    wanted = []
    if streamed and data.labels is not None and data.labels.pair is not None:
        wanted.append(("data.labels.pair", "to choose its examples"))
    if "train" in streamed:
        if batches.size == "full" and experiment.optimizer is not None:  # else its task says so
            wanted.append(("batches.size", "for a batch of all"))
        if batches.order == "stratified":
            wanted.append(("batches.order", "to draw from each class"))
        if unfitted is not None:
            name = experiment.preprocess[unfitted].type
            wanted.append((f"preprocess.{unfitted}", f"to fit {name} (a whitening saved by `whiten` can be named)"))
    for key, purpose in wanted:
        raise ConfigError(
            f"needs the whole split in memory {purpose}, but that of {data.dataset} is read in chunks: it has "
            f"more than data.stream_above_mb, {data.stream_above_mb}",
            key=key,
        )


def refuse_policies_without_metrics(experiment: AnyExperiment) -> None:
    """Raise ConfigError if a stopping policy reads a metric that this optimizer does not give."""
    optimizer = experiment.optimizer
    if optimizer is None:
        return
    for number, policy in enumerate(experiment.stopping):
        for metric in policy.metrics():
            if not metric.startswith(("valid.", "train.")) and metric not in optimizer.gives:
                raise ConfigError(
                    f"{policy.type} reads {metric}, which {optimizer.type} does not give",
                    key=f"stopping.{number}",
                )


def _what_changes(task: SteppedTask, train_examples: int) -> Iterator[tuple[str, str]]:
    """Yield what makes the objective another one from batch to batch: key, and reason."""
    batches = task.experiment.batches
    if batches.subset is not None:
        yield "batches.subset", "each epoch draws another subset"
    if not batches.is_always_the_same(train_examples):
        yield "batches.size", "each batch is other examples; size: full takes all of them at once"
    if task.experiment.augment is not None:
        yield "augment", "images are distorted anew for each batch"
    yield from task.what_changes()


def _what_moves_theta(task: SteppedTask) -> Iterator[tuple[str, str]]:
    """Yield what moves parameters besides the optimizer, or remembers passes: key, and reason."""
    l1 = task.experiment.penalties.l1
    if l1 is not None and l1.is_proximal:
        yield "penalties.l1", "a proximal penalty moves it after each step"
    for name, layer in task.layers.items():
        if layer.is_constrained:
            yield f"model.layers.{name}", "a limit on its norm moves it after each step"
    if task.experiment.model.statistics:
        yield f"model.layers.{_owner(task)}", "statistics would be collected at points that are given up"


def _what_is_left_out(task: SteppedTask) -> Iterator[str]:
    """Yield the layers whose gradients are not those of the objective's values."""
    return (name for name, layer in task.layers.items() if layer.is_truncated)


def _owner(task: SteppedTask) -> str:
    """Return the name of the first layer that collects statistics."""
    return task.experiment.model.statistics[0].name.split(".")[0]
