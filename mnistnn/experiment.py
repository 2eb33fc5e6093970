"""The wiring: an experiment becomes data, model, objective, optimizer and policies that fit each other.

`Plan` checks and builds everything that can be known without reading a pixel; `Plan.training` reads the training and
validation splits, never the test split, and returns what the loop needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from mnistnn.backend import Array, module_for
from mnistnn.config.load import LoadedExperiment
from mnistnn.config.schema import Experiment
from mnistnn.data.splits import SplitName, describe, read_split, split_examples
from mnistnn.errors import ConfigError
from mnistnn.machine import usable_cores
from mnistnn.objective import Objective, score
from mnistnn.shapes import ShapeError
from mnistnn.stopping import MaxEpochs
from mnistnn.train import RunningLoss, Training

# Below so many multiply-adds per forward pass of a batch, a second BLAS thread costs more than it brings.
_ONE_THREAD_BELOW = 4_000_000


@dataclass(frozen=True)
class Examples:
    """A split on its device: x (n, height, width) in [0, 1], labels (n,) int64; both are never written to."""

    x: Array
    labels: Array


class Plan:
    """An experiment whose parts are known to fit. Raises ConfigError, at the place of the value at fault, if not."""

    def __init__(self, loaded: LoadedExperiment) -> None:
        self.loaded = loaded
        self.experiment: Experiment = loaded.experiment
        try:
            self.info = describe(self.experiment.data.dataset)
            ranges = split_examples(self.experiment.data)
            self.examples = {split: len(numbers) for split, numbers in ranges.items()}
            if not self.examples["valid"]:
                raise ConfigError(
                    "training needs at least one validation example, to choose the best epoch by",
                    key="data.validation_examples",
                )
            self._build()
        except ConfigError as error:
            raise (loaded.error(str(error), error.key) if error.key else error) from error

    def _build(self) -> None:
        experiment, info = self.experiment, self.info
        out_shape = experiment.model.build(info.image_shape)
        try:
            experiment.loss.build(out_shape, info.classes)
        except ShapeError as error:
            last = list(experiment.model.layers)[-1]
            raise ConfigError(str(error), key=f"model.layers.{last}") from error
        self.penalties = experiment.penalties.active()
        for penalty in self.penalties:
            penalty.build(experiment.model.slots)

    @property
    def train_examples(self) -> int:
        return self.examples["train"]

    @property
    def parameters(self) -> int:
        return self.experiment.model.size

    @property
    def batch_size(self) -> int:
        return self.experiment.batches.examples_per_batch(self.train_examples)

    @property
    def updates_per_epoch(self) -> int:
        return self.experiment.batches.count(self.train_examples)

    @property
    def max_epochs(self) -> int | None:
        """The number of epochs after which the run ends whatever happens, if its policies name one."""
        return min((p.epochs for p in self.experiment.stopping if isinstance(p, MaxEpochs)), default=None)

    @property
    def threads(self) -> int:
        """BLAS threads: as configured, or chosen by the size of a batch's matrix products."""
        threads = self.experiment.backend.threads
        if threads != "auto":
            return threads
        return 1 if self.batch_size * self.parameters < _ONE_THREAD_BELOW else usable_cores()

    @property
    def flops_per_epoch(self) -> int:
        """Multiplications and additions of an epoch's matrix products, forward and backward (6 per weight)."""
        return 6 * self.parameters * self.train_examples

    @property
    def resident_bytes(self) -> int:
        """Bytes of the arrays that live as long as training: digits, parameters with gradients and best, outputs."""
        itemsize = 4 if self.experiment.backend.dtype == "float32" else 8
        pixels = (self.examples["train"] + self.examples["valid"]) * prod(self.info.image_shape)
        widest_batch = max(self.batch_size, self.experiment.evaluation.batch_size)
        outputs = 2 * widest_batch * sum(prod(shape) for shape in self.experiment.model.shapes.values())
        return itemsize * (pixels + 3 * self.parameters + outputs)

    def place(self, split: SplitName) -> Examples:
        """Read a split and put it on the device, scaled, once and for all."""
        backend = self.experiment.backend
        xp = module_for(backend.device)
        digits = read_split(self.experiment.data, split)
        x = xp.divide(xp.asarray(digits.images), self.experiment.data.scale, dtype=backend.dtype)
        labels = xp.asarray(digits.labels, dtype="int64")
        if xp is np:  # CuPy has no such flag
            x.setflags(write=False)
            labels.setflags(write=False)
        return Examples(x, labels)

    def allocate(self) -> None:
        """Give the model its parameter vector, at the start of its initial stream."""
        backend = self.experiment.backend
        self.experiment.model.allocate(module_for(backend.device), backend.dtype)
        self.experiment.model.initialize(self.experiment.seed)

    def training(self) -> Training:
        """Read the training and validation splits and return a training that stands at its beginning."""
        experiment = self.experiment
        train, valid = self.place("train"), self.place("valid")
        self.allocate()
        objective = Objective(experiment.model, experiment.loss, self.penalties)
        experiment.optimizer.allocate(objective.theta)
        experiment.batches.bind(train.x, train.labels, experiment.seed)
        return Training(
            objective=objective,
            optimizer=experiment.optimizer,
            batches=experiment.batches,
            policies=experiment.stopping,
            evaluate=self._evaluation(train, valid),
            monitor=experiment.checkpoint.monitor,
            best_theta=objective.theta.copy(),
            loss=RunningLoss(objective.theta),
        )

    def _evaluation(self, train: Examples, valid: Examples) -> Callable[[], dict[str, float]]:
        experiment = self.experiment
        batch_size = experiment.evaluation.batch_size

        def evaluate() -> dict[str, float]:
            figures = {}
            if experiment.evaluation.train_error:
                on_train = score(experiment.model, experiment.loss, train.x, train.labels, batch_size)
                figures["train.error"] = on_train.errors / on_train.examples
            on_valid = score(experiment.model, experiment.loss, valid.x, valid.labels, batch_size)
            figures["valid.loss"] = on_valid.loss / on_valid.examples
            figures["valid.error"] = on_valid.errors / on_valid.examples
            return figures

        return evaluate
