"""The wiring: an experiment becomes data, model, objective, optimizer and policies that fit each other.

`Plan` checks and builds everything that can be known without reading a pixel; `Plan.training` reads the training and
validation splits, never the test split, fits the preprocessing, and returns what the loop needs.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np

from mnistnn.augment.prefetch import AugmentedBatches
from mnistnn.backend.arrays import module_for, to_host
from mnistnn.backend.machine import usable_cores
from mnistnn.backend.threads import suitable as suitable_threads
from mnistnn.config.load import LoadedExperiment
from mnistnn.config.schema import Experiment
from mnistnn.data.examples import Examples
from mnistnn.data.repeated import RepeatedBatches
from mnistnn.data.sequences.contract import SequencesInfo
from mnistnn.data.spec import Data
from mnistnn.data.splits import StoredSplit, count_classes, describe, open_split, split_examples, streamed_splits
from mnistnn.data.streamed import StreamedBatches
from mnistnn.errors import ConfigError, RunError, UsageError
from mnistnn.experiment.compatibility import (
    layers_of,
    refuse_figures_of_validation,
    refuse_model_and_loss_that_differ,
    refuse_policies_without_figures,
    refuse_what_does_not_fit,
    refuse_what_is_for_images,
    refuse_what_is_not_carried_on,
    refuse_what_needs_all_at_once,
    updates_per_objective,
)
from mnistnn.experiment.inputs import Inputs
from mnistnn.experiment.pretraining import Tensors, phases_of
from mnistnn.layers import Layer
from mnistnn.losses import Criterion, Loss
from mnistnn.losses.each_step import EachStep
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.models import AnyUnsupervised, Machine, Model
from mnistnn.models.unsupervised import EnergyModel
from mnistnn.objectives.supervised import BaseObjective, Objective
from mnistnn.optim.rule import FUSED_ABOVE
from mnistnn.preprocess.contract import Transform
from mnistnn.preprocess.pipeline import Pipeline
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory
from mnistnn.stopping.limits import MaxEpochs
from mnistnn.tasks.classification import Measurement
from mnistnn.tasks.registry import KINDS
from mnistnn.tasks.unsupervised import mean_image, refuse_what_are_no_probabilities
from mnistnn.training.loop import BatchSource, Evaluate, RunningLoss, Training
from mnistnn.types import Array, Shape, ShapeError, SplitName


class Plan:
    """An experiment whose parts are known to fit. Raises ConfigError, at the place of the value at fault, if not.

    Two things show only when the training split is read: how many dimensions a fitted transform keeps, and which
    examples a pair of labels keeps. Until `training`, sizes are upper bounds where these matter. The plan of a run that
    has begun takes the transforms that are kept in the `run`; RunError if they are not whole. Those whose arrays are
    `restored`, by their number, are taken as they are.
    """

    def __init__(
        self, loaded: LoadedExperiment, run: RunDirectory | None = None, restored: Mapping[int, Tensors] | None = None
    ) -> None:
        self.loaded, self.run, self._restored = loaded, run, restored or {}
        self.experiment: Experiment = loaded.experiment
        experiment, data = self.experiment, self.experiment.data
        try:
            self._describe(data)
            if not self.examples["valid"]:
                refuse_figures_of_validation(experiment)
            self.preprocessing = Pipeline(experiment.preprocess, self.in_shape, self._restore)
            self.inputs = Inputs(data, experiment.backend, self.preprocessing)
            refuse_what_needs_all_at_once(experiment, self.streamed, self.preprocessing.unfitted)
            refuse_policies_without_figures(experiment)
            refuse_model_and_loss_that_differ(experiment)
            refuse_what_is_not_carried_on(experiment)
            if self.sequences is not None:
                refuse_what_is_for_images(experiment, self.sequences)
            self._build()
            phases = list(phases_of(experiment))
        except ConfigError as error:
            raise self._at_its_place(error) from error
        self.phases = [
            Plan(phase.experiment(loaded), restored=phase.untrained(experiment, self.preprocessing.out_shape))
            for phase in phases
        ]
        """Plans of what is learned before, as far as they can be known."""
        self.examples_per_epoch = min(experiment.batches.subset or self.train_examples, self.train_examples)
        self.knows_counts = experiment.batches.order != "stratified" and (data.labels is None or not data.labels.pair)
        # Chosen once: the last bits depend on it, so it must not change when sizes become known.
        self.threads = self._threads()

    def _describe(self, data: Data) -> None:
        """Find the sizes of what the model learns from: sequences, or else images."""
        try:
            self.sequences: SequencesInfo | None = None if data.sequences is None else data.sequences.describe()
        except ConfigError as error:
            raise ConfigError(
                str(error), key=f"data.sequences.{error.key}" if error.key else "data.sequences"
            ) from error
        """What is known of the sequences that the model reads, if it reads such."""
        self.streamed: Collection[SplitName] = ()
        if self.sequences is not None:
            info = self.sequences
            self.in_shape: Shape = (info.steps, info.features)
            self.classes, self.examples = info.classes or 0, dict(info.examples)
            return
        self.in_shape = describe(data.dataset).image_shape
        self.classes = count_classes(data)
        self.examples = {split: len(numbers) for split, numbers in split_examples(data).items()}
        self.streamed = streamed_splits(data)

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the images. Raises UsageError where the model reads sequences."""
        if self.sequences is not None:
            raise UsageError(f"{self.experiment.name}: its model reads sequences, and no images")
        height, width = self.in_shape
        return height, width

    def _build(self) -> None:
        """Build the model, and what depends on it, for inputs as far as they are known."""
        experiment = self.experiment
        if experiment.augment is not None:
            experiment.augment.build(self.preprocessing.out_shape, self.classes)
        if isinstance(experiment.model, Model):
            is_ragged = self.sequences is not None and self.sequences.ragged
            out_shape = experiment.model.build(self.preprocessing.out_shape, is_ragged)
            try:
                self.criterion = self._criterion(out_shape)
            except ShapeError as error:
                last = list(self.layers)[-1]
                raise ConfigError(str(error), key=f"model.layers.{last}") from error
        else:
            experiment.model.build(self.preprocessing.out_shape)
        self.penalties = experiment.penalties.active()
        for penalty in self.penalties:
            penalty.build(experiment.model.slots)
        refuse_what_does_not_fit(experiment, self.train_examples, self.preprocessing.is_settled)

    def _criterion(self, out_shape: Shape) -> Criterion:
        """Return what is minimised, for which the model's output fits. Raises ShapeError, or ConfigError."""
        loss, info = self.experiment.loss, self.sequences
        if info is not None and info.numbers is not None:
            if not isinstance(loss, MeanSquaredError):
                raise ConfigError(
                    f"{loss.type} is for classes, and these data have numbers; mean_squared_error is for such",
                    key="loss",
                )
            loss.build(out_shape, (info.steps, info.numbers) if info.every_step else (info.numbers,))
            return loss
        if not isinstance(loss, Loss):
            raise ConfigError(
                f"{loss.type} is for numbers, and these data have classes; softmax_nll is for such", key="loss"
            )
        criterion = EachStep(loss) if info is not None and info.every_step else loss
        criterion.build(out_shape, self.classes)
        return criterion

    def _restore(self, number: int, transform: Transform) -> bool:
        """Restore a transform from the run, or from the file that it names; tell whether there is such a file."""
        if number in self._restored:
            transform.restore(self._restored[number])
            return True
        source = transform.source() if self.run is None else transforms.path_in(self.run, number, transform.type)
        if source is None:
            return False
        try:
            transform.restore(transforms.read(Path(source), transform.type))
        except (RunError, ShapeError) as error:
            text = f"{source}: {error}" if isinstance(error, ShapeError) else str(error)
            if self.run is not None:
                raise RunError(text) from error
            raise ConfigError(text, key=f"preprocess.{number}.file") from error
        return True

    def _at_its_place(self, error: ConfigError) -> ConfigError:
        return self.loaded.error(str(error), error.key) if error.key else error

    @property
    def reads_digits(self) -> bool:
        """Whether the model reads digits, or else learns from images alone."""
        return isinstance(self.experiment.model, Model)

    @property
    def model(self) -> Model:
        """The model, of an experiment whose model reads digits. Raises UsageError for another."""
        if not isinstance(self.experiment.model, Model):
            raise self._reads_no_digits()
        return self.experiment.model

    @property
    def loss(self) -> Loss:
        """The loss, of an experiment whose model reads one class for each example. Raises UsageError for another."""
        if not self.reads_digits:
            raise self._reads_no_digits()
        if not isinstance(self.criterion, Loss):
            what = "numbers" if isinstance(self.criterion, MeanSquaredError) else "a class at each step"
            raise UsageError(f"{self.experiment.name}: its model tells {what}, and not one class for each example")
        return self.criterion

    def _reads_no_digits(self) -> UsageError:
        kind = self.experiment.model.type
        return UsageError(f"{self.experiment.name}: its model is of type {kind}, which reads no digits")

    @property
    def unsupervised(self) -> AnyUnsupervised:
        """The model, of an experiment whose model reads no digits. Raises UsageError for another."""
        if isinstance(self.experiment.model, Model):
            raise UsageError(f"{self.experiment.name}: its model reads digits, and gives no images")
        return self.experiment.model

    @property
    def machine(self) -> Machine:
        """The model, of an experiment whose model is one of energies. Raises UsageError for another."""
        model = self.unsupervised
        if not isinstance(model, EnergyModel):
            raise UsageError(f"{self.experiment.name}: its model, of type {model.type}, gives no image a probability")
        return model

    @property
    def layers(self) -> dict[str, Layer]:
        """The layers of a model that consists of some."""
        return layers_of(self.experiment)

    @property
    def train_examples(self) -> int:
        return self.examples["train"]

    @property
    def parameters(self) -> int:
        return self.experiment.model.size

    @property
    def batch_size(self) -> int:
        return self.experiment.batches.examples_per_batch(self.examples_per_epoch)

    @property
    def examples_at_once(self) -> int:
        """How many examples of a batch pass through the model in one piece."""
        return min(self.batch_size, self.experiment.batches.chunk or self.batch_size)

    @property
    def updates_per_epoch(self) -> int:
        batches = self.experiment.batches
        return batches.count(self.examples_per_epoch) * batches.updates

    @property
    def evaluate_every(self) -> int | None:
        """Updates after which to evaluate inside an epoch too: as configured, or as a stopping policy needs it."""
        wanted = [policy.evaluation_interval() for policy in self.experiment.stopping]
        intervals = [n for n in (self.experiment.evaluation.every_updates, *wanted) if n is not None]
        shortest = min(intervals, default=self.updates_per_epoch)
        return shortest if shortest < self.updates_per_epoch else None

    @property
    def max_epochs(self) -> int | None:
        """The number of epochs after which the run ends whatever happens, if its policies name one."""
        return min((p.epochs for p in self.experiment.stopping if isinstance(p, MaxEpochs)), default=None)

    def _threads(self) -> int:
        """Return the number of threads: as configured, or chosen by the size of a batch's matrix products."""
        threads = self.experiment.backend.threads
        if threads != "auto":
            return threads
        # Spinning threads of BLAS would keep the thread that distorts images waiting.
        needed_beside = 1 if self.experiment.augment is not None and self.by_blas else 0
        multiply_adds = self.examples_at_once * self.experiment.model.multiply_adds
        return suitable_threads(multiply_adds, max(1, usable_cores() - needed_beside))

    @property
    def needs_loops(self) -> bool:
        """Whether the run is large enough for loops that Numba compiles, and computed where they are of use."""
        work = 0 if self.by_blas else self.examples_at_once * self.experiment.model.multiply_adds
        is_large = self.parameters > FUSED_ABOVE or suitable_threads(work, 2) > 1
        return is_large and self.experiment.backend.device == "cpu"

    @property
    def by_blas(self) -> bool:
        """Whether the threads are those of BLAS, or ours (`backend/threads.py`), by what the model consists of."""
        return not any(layer.comes_in_pieces for layer in self.layers.values())

    def place(self, split: SplitName) -> Examples:
        """Read a split and put it on the device, scaled and preprocessed, once and for all; one that is streamed, when
        its parts are asked for. The preprocessing must be fitted, which `training` does, or restored from a run.
        """
        return self._counted(split, lambda: self.inputs.place(split, split in self.streamed))

    def _counted(self, split: SplitName, place: Callable[[], Examples]) -> Examples:
        """Place a split and remember how many examples it has."""
        try:
            examples = place()
        except ConfigError as error:
            raise self._at_its_place(error) from error
        self.examples[split] = len(examples.labels)
        return examples

    def allocate(self) -> None:
        """Give the model its parameter vector, at the start of its initial stream."""
        backend = self.experiment.backend
        self.experiment.model.allocate(module_for(backend.device), backend.dtype)
        self.experiment.model.initialize(self.experiment.seed)

    def remembered(self) -> dict[str, Array]:
        """Return the arrays, as they begin, that the objective remembers from update to update; after `allocate`."""
        if self.reads_digits:
            return self._begin_to_carry()
        return KINDS[type(self.unsupervised)].objective.remembered(self.unsupervised, self.experiment.loss)

    def _begin_to_carry(self) -> dict[str, Array]:
        """Give layers the memory of what they carry from batch to batch, and return it, by name."""
        for layer in self.model.carrying.values():
            layer.begin_to_carry(self.batch_size, self.model.theta, self.updates_per_epoch)
        return self.model.carried()

    def training(self) -> Training:
        """Read the training and validation splits and return a training that stands at its beginning."""
        experiment = self.experiment
        on_disk = open_split(experiment.data, "train") if "train" in self.streamed else None
        train = self.inputs.settle(on_disk) if on_disk else self._counted("train", self.inputs.fit)
        valid = self.place("valid") if self.examples["valid"] else None
        try:
            self._build()  # for good: now the shape of the inputs is known
        except ConfigError as error:
            raise self._at_its_place(error) from error
        self.allocate()
        batches = self._streamed_batches(on_disk) if on_disk else self._batches(train)
        if experiment.batches.updates > 1:
            batches = RepeatedBatches(batches, experiment.batches.updates)
        self.knows_counts = True
        if self.reads_digits:
            self._begin_to_carry()
        self._refuse_no_probabilities(train, valid)
        objective, evaluate = (
            self._of_digits(train, valid) if self.reads_digits else self._of_images(train, valid, batches)
        )
        # Last: a model may begin where the means of the images want it.
        experiment.optimizer.allocate(experiment.model.theta, experiment.model.grad)
        if experiment.averaging is not None:
            experiment.averaging.allocate(experiment.model.theta)
        return Training(
            objective=objective,
            optimizer=experiment.optimizer,
            batches=batches,
            policies=experiment.stopping,
            evaluate=evaluate,
            monitor=experiment.checkpoint.monitor,
            best_values=objective.values.copy(),
            loss=RunningLoss(objective.theta),
            evaluate_every=self.evaluate_every,
            updates_per_objective=updates_per_objective(experiment, self.train_examples),
            average=experiment.averaging,
        )

    def _of_digits(self, train: Examples, valid: Examples | None) -> tuple[BaseObjective, Evaluate]:
        experiment = self.experiment
        evaluate = Measurement(
            self.model,
            self.criterion,
            valid,
            experiment.evaluation.batch_size,
            train if experiment.evaluation.train_error else None,
            paired=any("valid.gained" in policy.figures() for policy in experiment.stopping),
        )
        return Objective(self.model, self.criterion, self.penalties, experiment.batches.chunk), evaluate

    def _of_images(
        self, train: Examples, valid: Examples | None, batches: BatchSource
    ) -> tuple[BaseObjective, Evaluate]:
        experiment, model = self.experiment, self.unsupervised
        loss, seed, batch_size = experiment.loss, experiment.seed, experiment.evaluation.batch_size
        model.begin_at(mean_image(train, batch_size, model.theta))
        kind = KINDS[type(model)]
        objective = kind.objective(model, loss, self.penalties, seed, batches.per_epoch)
        return objective, kind.measurement(model, loss, train, valid, batch_size, seed)

    def _refuse_no_probabilities(self, *splits: Examples | None) -> None:
        """Raise ConfigError if binary units, of this model or of the first that is learned before, would be given
        numbers that are no probabilities.
        """
        plan = next(iter(self.phases), None) if self.reads_digits else self
        if plan is None or plan.unsupervised.is_gaussian:
            return
        try:
            for examples in splits:
                refuse_what_are_no_probabilities(examples, self.experiment.evaluation.batch_size)
        except ConfigError as error:
            raise plan._at_its_place(error) from error

    def _streamed_batches(self, train: StoredSplit) -> BatchSource:
        """Return the batches of a streamed training split. What is to be distorted is prepared on the host."""
        experiment = self.experiment
        augment, device = experiment.augment, module_for(experiment.backend.device)
        xp = device if augment is None else np
        batches = StreamedBatches(
            experiment.batches, train.images, train.labels, experiment.seed, self.inputs.maker(xp), xp
        )
        self.examples_per_epoch = batches.examples_per_epoch
        if augment is None:
            return batches
        augment.begin(experiment.seed, batches.examples_per_epoch)
        return AugmentedBatches(batches, augment, device)

    def _batches(self, train: Examples) -> BatchSource:
        """Return the batches to train on. Images are distorted on the host, so those that are to be stay there."""
        experiment = self.experiment
        batches, augment = experiment.batches, experiment.augment
        if augment is None:
            batches.bind(train.x, train.labels, experiment.seed)
            self.examples_per_epoch = batches.examples_per_epoch
            return batches
        batches.bind(to_host(train.x), to_host(train.labels), experiment.seed)
        self.examples_per_epoch = batches.examples_per_epoch
        augment.begin(experiment.seed, batches.examples_per_epoch)
        return AugmentedBatches(batches, augment, module_for(experiment.backend.device))
