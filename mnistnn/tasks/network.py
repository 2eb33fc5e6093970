"""Networks of layers that learn from examples: what classification and regression by them have in common."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from mnistnn.backend.arrays import to_host
from mnistnn.config.schema import AnyExperiment
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.errors import ConfigError, UsageError
from mnistnn.losses import Criterion, UnsupervisedLoss
from mnistnn.losses.contract import PerExampleLoss
from mnistnn.losses.each_step import EachStep
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.gradient_check import CheckedFunction
from mnistnn.objectives.supervised import BaseObjective, Objective
from mnistnn.optim.contract import Requirements
from mnistnn.tasks.by_class import BALANCED, class_counts
from mnistnn.tasks.contract import Part, is_read
from mnistnn.tasks.stepped import SteppedTask
from mnistnn.tasks.validation import Validation
from mnistnn.training.loop import Evaluate
from mnistnn.types import Array, SecondOrder, Shape, ShapeError

_CALLED: dict[SecondOrder, str] = {
    "tangents": "a forward pass of tangents",
    "gauss_newton_diagonal": "a backward pass for the Gauss–Newton diagonal",
    "per_example_gradients": "per-example gradients",
}


class NetworkTask(SteppedTask):
    """Abstract: a chain of layers, and a loss that judges its output by labels or numbers."""

    has_one_class: ClassVar[bool] = False
    """Whether each example has one class."""

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        super().__init__(experiment, source)
        assert isinstance(experiment.model, Sequential)
        self._network = experiment.model
        if isinstance(experiment.loss, UnsupervisedLoss):
            raise ConfigError(
                f"a model of type {experiment.model.type} learns from labels or numbers, and {experiment.loss.type} is "
                "for one that learns from images alone",
                key="loss",
            )
        self._criterion = self.judge(experiment.loss)

    @abstractmethod
    def judge(self, loss: Any) -> Criterion:
        """Return what judges the outputs, by the loss that the experiment names. Raises ConfigError."""

    @abstractmethod
    def build_criterion(self, out_shape: Shape) -> None:
        """Check that the network's output fits. Raises ShapeError."""

    def build(self, in_shape: Shape) -> None:
        out_shape = self._network.build(in_shape, self.source.is_ragged)
        try:
            self.build_criterion(out_shape)
        except ShapeError as error:
            raise ConfigError(str(error), key=f"model.layers.{list(self.layers)[-1]}") from error

    def refuse_what_does_not_fit(self) -> None:
        experiment = self.experiment
        if self.source.has_images:
            return
        if experiment.augment is not None:
            raise ConfigError(f"distorts images, and these are {self.source.called}", key="augment")
        if not self.has_one_class and experiment.batches.order == "stratified":
            raise ConfigError("needs a class for each example, and these have none", key="batches.order")
        if not self.has_one_class and experiment.batches.chunk is not None:
            raise ConfigError("is for examples that each have one class", key="batches.chunk")

    def refuse_optimizer(self, name: str, requirements: Requirements) -> None:
        for layer_name, layer in self.layers.items():
            for what in sorted(requirements.of_layers - layer.second_order):
                if self._is_learned_through(layer_name):
                    raise ConfigError(
                        f"{name} needs {_CALLED[what]}, which {layer.type} does not have",
                        key=f"model.layers.{layer_name}",
                    )
        if requirements.of_layers and not self._criterion.is_convex:
            raise ConfigError(
                f"{name} needs the second derivative of the loss, which {self._criterion.type} does not give; "
                "softmax_nll, binary_nll and squared_error do",
                key="loss",
            )

    def _is_learned_through(self, name: str) -> bool:
        """Tell whether gradients go through a layer: there is something to be learned in it or before it."""
        names = list(self.layers)
        owners = [names.index(slot.name.split(".")[0]) for slot in self._network.slots]
        return names.index(name) >= min(owners, default=len(names))

    def what_changes(self) -> Iterator[tuple[str, str]]:
        for name, layer in self.layers.items():
            if layer.is_random:
                yield f"model.layers.{name}", f"{layer.type} draws new masks for each batch"

    def remembered(self, batch_size: int, updates_per_epoch: int) -> dict[str, Array]:
        """Give layers the memory of what they carry from batch to batch, and return it, by name."""
        for layer in self._network.carrying.values():
            layer.begin_to_carry(batch_size, self._network.theta, updates_per_epoch)
        return self._network.carried()

    def begin(
        self, train: Examples, valid: Examples | None, penalties: list[Any], batch_size: int, updates_per_epoch: int
    ) -> tuple[BaseObjective, Evaluate]:
        experiment = self.experiment
        self.remembered(batch_size, updates_per_epoch)
        self.count_classes(train.labels)
        evaluate = Validation(
            self._network,
            self._criterion,
            valid,
            experiment.evaluation.batch_size,
            train if experiment.evaluation.train_error else None,
            paired=any("valid.gained" in policy.metrics() for policy in experiment.stopping),
            classes=self.source.classes if is_read(BALANCED, experiment) else None,
        )
        return Objective(self._network, self._criterion, penalties, experiment.batches.chunk), evaluate

    def count_classes(self, labels: Array) -> None:
        """Let the criterion know how many labels there are of each class, if it asks."""
        criterion = self._criterion
        if isinstance(criterion, PerExampleLoss | EachStep) and criterion.needs_counts:
            criterion.learn_from(class_counts(to_host(labels), self.source.classes))

    def checked_function(self, x: Array, targets: Array, penalties: list[Any]) -> CheckedFunction:
        for name, layer in self.layers.items():
            if layer.is_truncated:
                raise UsageError(f"{name}: its gradient is cut off (truncate), and so not that of the loss")
        self.count_classes(targets)  # weights that follow from the data follow from the batch
        objective = Objective(self._network, self._criterion, penalties)
        objective.set_batch(x, targets, update=0)
        return CheckedFunction(
            objective.theta, objective.grad, objective.value, objective.value_and_grad, objective.input_and_dx
        )

    def parts(self, batch_size: int, evaluated: int, workers: int) -> list[Part]:
        return [
            self.part(
                name,
                layer.type,
                max(layer.memory(batch_size, True, workers), layer.memory(evaluated, False, workers)),
            )
            for name, layer in self.layers.items()
        ]

    @property
    def needs_loops(self) -> bool:
        backend = self.experiment.backend
        takes_them = backend.device == "cpu" and backend.dtype == "float32"
        return takes_them and any(layer.needs_loops for layer in self.layers.values())

    @property
    def scores_need_loops(self) -> bool:
        return self.needs_loops

    @property
    def network(self) -> Sequential:
        return self._network

    @property
    def criterion(self) -> Criterion:
        return self._criterion

    def scores(self, x: Array) -> Array:
        return self._network.scores(x)
