"""What parts of an experiment demand of each other: optimizers of models, losses and batches, policies of figures, and
some of the memory.

What does not go together is refused when the experiment is planned, at the key that stands in the way, before any data
is read.
"""

from collections.abc import Collection, Iterator

from mnistnn.config.schema import Experiment
from mnistnn.data.sequences.contract import SequencesInfo
from mnistnn.data.sequences.csv_series import CsvSeries
from mnistnn.errors import ConfigError
from mnistnn.layers import Layer
from mnistnn.layers.recurrent_base import OverTime
from mnistnn.losses import UnsupervisedLoss
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.sequential import Sequential
from mnistnn.optim.contract import Demands
from mnistnn.optim.rule import GradientRule
from mnistnn.optim.schedules import BoldDriver, Plateau
from mnistnn.types import SecondOrder

_CALLED: dict[SecondOrder, str] = {
    "tangents": "a forward pass of tangents",
    "squares": "a backward pass of squares",
    "rows": "each example's own gradient",
}


def layers_of(experiment: Experiment) -> dict[str, Layer]:
    """Return the layers of a model that consists of some, by name; else none."""
    return experiment.model.layers if isinstance(experiment.model, Sequential) else {}


def updates_per_objective(experiment: Experiment, train_examples: int) -> int | None:
    """Return after how many updates the objective becomes another function of theta; None if it never does."""
    draws = any(layer.is_random for layer in layers_of(experiment).values()) or experiment.augment is not None
    draws = draws or _hides_pixels(experiment)
    if experiment.batches.is_always_the_same(train_examples) and not draws:
        return None
    return experiment.batches.updates


def refuse_what_does_not_fit(experiment: Experiment, train_examples: int, sizes_are_known: bool) -> None:
    """Raise ConfigError, with the key at fault, if an optimizer lacks what it demands, or pieces of a batch do.

    The model must have been built; with `sizes_are_known` that it is too large is refused as well.
    """
    demands, name = experiment.optimizer.demands, experiment.optimizer.type
    if isinstance(experiment.loss, ContrastiveDivergence):
        if demands != Demands():
            raise ConfigError(
                f"{name} asks the objective for more than a direction, and contrastive_divergence has no value that "
                "falls along its own; sgd, momentum, adam and the other rules follow it",
                key="optimizer",
            )
        return
    if demands.one_objective and updates_per_objective(experiment, train_examples) == 1:
        key, why = next(_what_changes(experiment, train_examples))
        raise ConfigError(
            f"{name} compares each step with the last one, so it needs the same objective for several updates, and "
            f"{why} (batches.updates: 10 makes ten updates of each batch, under the same masks and distortions)",
            key=key,
        )
    if demands.values:
        for key, why in _what_moves_theta(experiment):
            raise ConfigError(f"{name} needs theta to stay where it has put it, and {why}", key=key)
        for layer in _what_is_left_out(experiment):
            raise ConfigError(
                f"{name} needs the gradient of the values that it sees, and truncate leaves a part of it out",
                key=f"model.layers.{layer}",
            )
    itemsize = 4 if experiment.backend.dtype == "float32" else 8
    if sizes_are_known and (excess := experiment.optimizer.too_large(experiment.model.size, itemsize)):
        raise ConfigError(excess, key="optimizer")
    if isinstance(experiment.loss, Reconstruction):
        if demands.of_layers:
            raise ConfigError(
                f"{name} needs second derivatives, which a model of type {experiment.model.type} does not have",
                key="optimizer",
            )
        return
    _refuse_layers(experiment, demands)
    if demands.of_layers and not experiment.loss.is_convex:
        raise ConfigError(
            f"{name} needs the second derivative of the loss, which {experiment.loss.type} does not tell; softmax_nll, "
            "binary_nll and squared_error do",
            key="loss",
        )
    if experiment.batches.chunk is not None and experiment.model.statistics:
        raise ConfigError(
            f"{_owner(experiment)} is about a batch as a whole, which does not pass in pieces", key="batches.chunk"
        )


def refuse_model_and_loss_that_differ(experiment: Experiment) -> None:
    """Raise ConfigError if the loss is not one that the model learns by, or something needs digits to be read."""
    model, loss, kind = experiment.model, experiment.loss, f"a model of type {experiment.model.type}"
    if isinstance(model, Sequential):
        if isinstance(loss, UnsupervisedLoss):
            raise ConfigError(
                f"{kind} reads digits, and {loss.type} is for one that learns from images alone", key="loss"
            )
        return
    if loss.type != model.learns_by:
        raise ConfigError(f"{kind} learns by {model.learns_by}, not by {loss.type}", key="loss")
    for key, figures in _figures_read(experiment).items():
        for figure in figures:
            if figure.startswith("valid.") and figure != "valid.loss":
                raise ConfigError(f"{kind} reads no digits, so there is no {figure}; valid.loss there is", key=key)
    if experiment.evaluation.train_error:
        raise ConfigError(f"{kind} reads no digits, so there are no errors", key="evaluation.train_error")
    if experiment.batches.chunk is not None:
        raise ConfigError("is for models that read digits", key="batches.chunk")
    if isinstance(loss, ContrastiveDivergence):
        if experiment.batches.updates != 1:
            raise ConfigError("is for objectives that stay the same, and chains go on", key="batches.updates")
        if loss.sparsity is not None and isinstance(model, Boltzmann) and not model.hidden:
            raise ConfigError("there are no hidden units to be kept quiet", key="loss.sparsity")


def refuse_what_is_for_images(experiment: Experiment, info: SequencesInfo) -> None:
    """Raise ConfigError if something is asked that sequences cannot do, or their targets."""
    if not isinstance(experiment.model, Sequential):
        raise ConfigError(f"a model of type {experiment.model.type} reads images, and these are sequences", key="model")
    if experiment.augment is not None:
        raise ConfigError("distorts images, and these are sequences", key="augment")
    has_one_class = info.classes is not None and not info.every_step
    if not has_one_class and experiment.batches.order == "stratified":
        raise ConfigError("needs a class for each sequence, and these have none", key="batches.order")
    if (info.every_step or info.numbers) and experiment.batches.chunk is not None:
        raise ConfigError("is for examples that each have one class", key="batches.chunk")
    for key, figures in _figures_read(experiment).items():
        for figure in figures:
            if figure.startswith("valid.") and figure != "valid.loss" and info.numbers is not None:
                raise ConfigError(f"numbers are told, so there is no {figure}; valid.loss there is", key=key)
            if figure in ("valid.gained", "valid.lost") and info.every_step:
                raise ConfigError("is about examples that are right or wrong, and here each step is", key=key)
    if info.numbers is not None and experiment.evaluation.train_error:
        raise ConfigError("numbers are told, so there are no errors", key="evaluation.train_error")


def refuse_what_is_not_carried_on(experiment: Experiment) -> None:
    """Raise ConfigError if a layer carries its state on, and batches do not go on where it was."""
    source, batches = experiment.data.sequences, experiment.batches
    for name, layer in layers_of(experiment).items():
        if not isinstance(layer, OverTime) or layer.carry is None:
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


def refuse_figures_of_validation(experiment: Experiment) -> None:
    """Raise ConfigError if something reads a figure of the validation split, which is empty."""
    for key, figures in _figures_read(experiment).items():
        for figure in figures:
            if figure.startswith("valid."):
                raise ConfigError(
                    f"{figure} needs validation examples, and data.validation_examples is 0 "
                    "(without any, checkpoint.monitor is last)",
                    key=key,
                )


def _figures_read(experiment: Experiment) -> dict[str, tuple[str, ...]]:
    """Return the figures that policies, the learning rate and the choice of the best epoch read, by key."""
    read = {f"stopping.{i}": policy.figures() for i, policy in enumerate(experiment.stopping)}
    read["checkpoint.monitor"] = (experiment.checkpoint.monitor,)
    optimizer = experiment.optimizer
    if isinstance(optimizer, GradientRule) and isinstance(optimizer.learning_rate, BoldDriver | Plateau):
        read["optimizer.learning_rate"] = (optimizer.learning_rate.monitor,)
    return read


def refuse_what_needs_all_at_once(experiment: Experiment, streamed: Collection[str], unfitted: int | None) -> None:
    """Raise ConfigError if something needs the whole of a split that is streamed.

    streamed  names of these splits
    unfitted  the number of the first transform that is yet to be fitted, if there is one
    """
    data, batches = experiment.data, experiment.batches
    wanted = []
    if streamed and data.labels is not None and data.labels.pair is not None:
        wanted.append(("data.labels.pair", "to choose its examples"))
    if "train" in streamed:
        if batches.size == "full":
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


def refuse_policies_without_figures(experiment: Experiment) -> None:
    """Raise ConfigError if a stopping policy reads a figure that this optimizer does not give."""
    given = experiment.optimizer.gives
    for number, policy in enumerate(experiment.stopping):
        for figure in policy.figures():
            if not figure.startswith(("valid.", "train.")) and figure not in given:
                raise ConfigError(
                    f"{policy.type} reads {figure}, which {experiment.optimizer.type} does not give",
                    key=f"stopping.{number}",
                )


def _what_changes(experiment: Experiment, train_examples: int) -> Iterator[tuple[str, str]]:
    """Yield what makes the objective another one from batch to batch: key, and reason."""
    batches = experiment.batches
    if batches.subset is not None:
        yield "batches.subset", "each epoch draws another subset"
    if not batches.is_always_the_same(train_examples):
        yield "batches.size", "each batch is other examples; size: full takes all of them at once"
    if experiment.augment is not None:
        yield "augment", "images are distorted anew for each batch"
    if _hides_pixels(experiment):
        yield "loss.corruption", "other pixels are hidden for each batch"
    for name, layer in layers_of(experiment).items():
        if layer.is_random:
            yield f"model.layers.{name}", f"{layer.type} draws new masks for each batch"


def _hides_pixels(experiment: Experiment) -> bool:
    return isinstance(experiment.loss, Reconstruction) and experiment.loss.corruption > 0


def _what_moves_theta(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Yield what moves parameters besides the optimizer, or remembers passes: key, and reason."""
    if experiment.penalties.l1 is not None and experiment.penalties.l1.is_proximal:
        yield "penalties.l1", "a proximal penalty moves it after each step"
    for name, layer in layers_of(experiment).items():
        if layer.is_constrained:
            yield f"model.layers.{name}", "a limit on its norm moves it after each step"
    if experiment.model.statistics:
        yield f"model.layers.{_owner(experiment)}", "statistics would be collected at points that are given up"


def _what_is_left_out(experiment: Experiment) -> Iterator[str]:
    """Yield the layers whose gradients are not those of the objective's values."""
    return (name for name, layer in layers_of(experiment).items() if layer.is_truncated)


def _refuse_layers(experiment: Experiment, demands: Demands) -> None:
    for name, layer in layers_of(experiment).items():
        for what in sorted(demands.of_layers - layer.second_order):
            if _matters(experiment, name):
                raise ConfigError(
                    f"{experiment.optimizer.type} needs {_CALLED[what]}, which {layer.type} does not have",
                    key=f"model.layers.{name}",
                )


def _matters(experiment: Experiment, name: str) -> bool:
    """Tell whether gradients go through a layer: there is something to be learned in it or before it."""
    names = list(layers_of(experiment))
    owners = [names.index(slot.name.split(".")[0]) for slot in experiment.model.slots]
    return names.index(name) >= min(owners, default=len(names))


def _owner(experiment: Experiment) -> str:
    """Return the name of the first layer that collects statistics."""
    return experiment.model.statistics[0].name.split(".")[0]
