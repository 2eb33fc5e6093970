"""Models that learn from images alone: what energy-based models and autoencoders have in common."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_rows
from mnistnn.config.schema import AnyExperiment
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.errors import ConfigError
from mnistnn.models import AnyUnsupervised
from mnistnn.models.unsupervised import Unsupervised
from mnistnn.objectives.supervised import BaseObjective
from mnistnn.objectives.unsupervised import UnsupervisedObjective
from mnistnn.tasks.contract import Part, refuse_errors
from mnistnn.tasks.stepped import SteppedTask
from mnistnn.training.loop import Evaluate, Training
from mnistnn.types import Array, Shape

_ROUNDING = 1e-5  # of single precision in the means that transforms of pixels take, such as shrink's


class UnsupervisedTask(SteppedTask):
    """Abstract: a model of images, which an objective and a validation of its kind belong to.

    objectives  the objective of each type of model
    validation  what is measured while such a model learns
    """

    objectives: ClassVar[dict[str, type[UnsupervisedObjective]]]
    validation: ClassVar[type["UnsupervisedValidation"]]

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        super().__init__(experiment, source)
        assert isinstance(experiment.model, Unsupervised)
        self._model: AnyUnsupervised = experiment.model
        self._objective = self.objectives[experiment.model.type]

    def refuse_what_does_not_fit(self) -> None:
        experiment, model = self.experiment, self._model
        kind = f"a model of type {model.type}"
        if experiment.loss.type != model.learns_by:
            raise ConfigError(f"{kind} learns by {model.learns_by}, not by {experiment.loss.type}", key="loss")
        if not self.source.has_images:
            raise ConfigError(f"{kind} learns from images, and these are {self.source.called}", key="model")
        refuse_errors(experiment, f"{kind} is unsupervised")
        if experiment.batches.chunk is not None:
            raise ConfigError("is for networks of layers", key="batches.chunk")

    def build(self, in_shape: Shape) -> None:
        self._model.build(in_shape)

    def remembered(self, batch_size: int, updates_per_epoch: int) -> dict[str, Array]:
        return self._objective.remembered(self._model, self.experiment.loss)

    def refuse_inputs(self, examples: Examples) -> None:
        if not self._model.is_gaussian:
            _refuse_what_are_no_probabilities(examples, self.experiment.evaluation.batch_size)

    def begin(
        self, train: Examples, valid: Examples | None, penalties: list[Any], batch_size: int, updates_per_epoch: int
    ) -> tuple[BaseObjective, Evaluate]:
        model, loss, seed = self._model, self.experiment.loss, self.experiment.seed
        batch_size = self.experiment.evaluation.batch_size
        model.begin_at(mean_image(train, batch_size, model.theta))
        objective = self._objective(model, loss, penalties, seed, updates_per_epoch)
        return objective, self.validation(model, loss, train, valid, batch_size, seed)

    def parts(self, batch_size: int, evaluated: int, workers: int) -> list[Part]:
        kept = self._objective.numbers_kept(self._model, self.experiment.loss, batch_size)
        kinds = {"visible": "gaussian" if self._model.is_gaussian else "binary", "hidden": "binary"}
        return [self.part(name, kinds[name], numbers) for name, numbers in kept.items()]

    @property
    def unsupervised(self) -> AnyUnsupervised:
        return self._model


class UnsupervisedValidation:
    """Abstract: measures the model as it stands, on the validation split, if there is one."""

    def __init__(
        self, model: Unsupervised, loss: Any, train: Examples, valid: Examples | None, batch_size: int, seed: int
    ) -> None:
        self.train, self.valid, self.batch_size = train, valid, batch_size

    def __call__(self, t: Training) -> dict[str, float]:
        """Return the metrics of one evaluation."""
        return {} if self.valid is None else self.metrics(self.valid)

    def metrics(self, valid: Examples) -> dict[str, float]:
        raise NotImplementedError

    def _mean(self, measure: Callable[[Array], Array], x: Array) -> float:
        return sum(float(measure(part).sum(dtype="float64")) for part in batches_in(x, self.batch_size)) / len(x)


def mean_image(train: Examples, batch_size: int, like: Array) -> Array:
    """Return the means (n_in,) of the training images' pixels, added up in float64, of the dtype of `like`."""
    total: Array = 0.0
    for x in batches_in(train.x, batch_size):
        total = total + as_rows(x).sum(axis=0, dtype="float64")
    return array_module(like).asarray(total / len(train.x), dtype=like.dtype)


def _refuse_what_are_no_probabilities(examples: Examples, batch_size: int) -> None:
    """Raise ConfigError if inputs of binary units lie outside of [0, 1] by more than rounding."""
    for x in batches_in(examples.x, batch_size):
        low, high = float(x.min()), float(x.max())
        if low < -_ROUNDING or high > 1.0 + _ROUNDING:
            raise ConfigError(
                "binary units take pixels in [0, 1] as probabilities, and preprocessed ones go from "
                f"{low:.3g} to {high:.3g}; visible: gaussian takes any",
                key="model.visible",
            )


def batches_in(x: Array, size: int) -> Iterator[Array]:
    """Yield x in slices of a size; the last one may be smaller."""
    return (x[start : start + size] for start in range(0, len(x), size))
