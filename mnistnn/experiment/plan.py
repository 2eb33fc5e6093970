"""The wiring: an experiment becomes data, model, task and policies that fit each other.

`Plan` checks and builds everything that can be known without reading a pixel; `Plan.training` reads the training and
validation splits, never the test split, fits the preprocessing, and returns what the loop needs.
"""

from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from dataclasses import replace

from mnistnn.backend.arrays import module_for
from mnistnn.config.load import LoadedExperiment
from mnistnn.config.schema import AnyExperiment
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.examples import Examples
from mnistnn.data.pictures.style import style_from
from mnistnn.data.sequences.contract import SequencesInfo
from mnistnn.data.source import info_of, source_of
from mnistnn.data.splits import StoredSplit
from mnistnn.errors import ConfigError, LackingCodeError, UsageError
from mnistnn.experiment import compatibility, resources
from mnistnn.experiment.batch_sources import batches_of
from mnistnn.experiment.inputs import Inputs
from mnistnn.experiment.kept_transforms import KeptTransforms
from mnistnn.experiment.members import members_of
from mnistnn.experiment.pace import Pace
from mnistnn.experiment.pretraining import Tensors, phases_of
from mnistnn.preprocess.pipeline import Pipeline
from mnistnn.preprocess.transpose import Transpose
from mnistnn.run.directory import RunDirectory
from mnistnn.run.provenance import KeptFacts
from mnistnn.tasks.registry import task_of
from mnistnn.tasks.stepped import SteppedTask
from mnistnn.training.learning import Learning
from mnistnn.training.loop import RunningLoss, Training
from mnistnn.types import Array, Shape, SplitName


class Plan:
    """An experiment whose parts are known to fit. Raises ConfigError, at the place of the value at fault, if not, and
    LackingCodeError if stand-ins are among them for code that may not be executed here.

    The plan has a copy of the experiment, so that one that was loaded serves several plans. Two things show only when
    the training split is read: how many dimensions a fitted transform keeps, and which examples a pair of labels keeps.
    Until `training`, sizes are upper bounds where these matter. The plan of a run that has begun takes the transforms
    that are kept in the `run`; RunError if they are not whole. Those whose arrays are `restored`, by their number, are
    taken as they are. It also knows the sizes of the data set that was learned from, which may be gone, and reads no
    other one. A phase or a member is planned as a part of the `whole`, which may know them too.
    """

    def __init__(
        self,
        loaded: LoadedExperiment,
        run: RunDirectory | None = None,
        restored: Mapping[int, Tensors] | None = None,
        whole: "Plan | None" = None,
    ) -> None:
        if loaded.lacking:
            place = loaded.plugins.place
            raise LackingCodeError(("" if place is None else f"{place.owner}: ") + "; ".join(loaded.lacking))
        self.experiment: AnyExperiment = deepcopy(loaded.experiment)
        self.loaded = replace(loaded, experiment=self.experiment)
        experiment = self.experiment
        try:
            kept = None if run is None else KeptFacts(run)
            self.source = source_of(experiment.data, _known_sizes(experiment, kept, whole))
            if kept is not None:
                self.source.hold_to(kept.digests)
            self.examples: dict[SplitName, int] = dict(self.source.examples)
            """Examples of each split: at most, until it is read."""
            if not self.examples["valid"]:
                compatibility.refuse_metrics_of_validation(experiment)
            self.preprocessing = Pipeline(
                experiment.preprocess, self.in_shape, KeptTransforms(run, restored or {}).restore
            )
            self.inputs = Inputs(self.source, experiment.data.scale, experiment.backend, self.preprocessing)
            self.inputs.style = None if kept is None else style_from(kept.images)
            compatibility.refuse_what_needs_all_at_once(experiment, self.streamed, self.preprocessing.unfitted)
            compatibility.refuse_policies_without_metrics(experiment)
            self.task = task_of(experiment, self.source)
            compatibility.refuse_what_is_not_carried_on(self.task)
            self.build()
            phases, members = list(phases_of(experiment)), members_of(self.loaded)
        except ConfigError as error:
            raise self.at_its_place(error) from error
        self.phases = [
            Plan(phase.experiment(loaded), None, phase.untrained(experiment, self.preprocessing.out_shape), self)
            for phase in phases
        ]
        """Plans of what is learned before, as far as they can be known."""
        self.members = [Plan(member, whole=self) for member in members]
        """Plans of the members of a committee, as far as they can be known."""
        try:
            self.task.refuse_members([member.task for member in self.members])
        except ConfigError as error:
            raise self.at_its_place(error) from error
        counts_are_known = experiment.batches.order != "stratified" and not (
            experiment.data.labels is not None and experiment.data.labels.pair
        )
        in_epoch = min(experiment.batches.subset or self.train_examples, self.train_examples)
        self.pace = Pace(experiment, self.task.rounds, in_epoch, counts_are_known)
        self.threads: int = max([resources.threads_for(experiment), *(member.threads for member in self.members)])
        """The most that may be used; no result depends on how many are."""

    def build(self) -> None:
        """Build the model, and what depends on it, for inputs as far as they are known. Raises ConfigError."""
        experiment = self.experiment
        if experiment.augment is not None:
            experiment.augment.build(self.preprocessing.out_shape, self.source.classes)
        self.task.build(self.preprocessing.out_shape)
        self.penalties = experiment.penalties.active()
        if isinstance(self.task, SteppedTask):
            for penalty in self.penalties:
                penalty.build(self.task.flat.slots)
            compatibility.refuse_what_does_not_fit(self.task, self.train_examples, self.preprocessing.is_settled)

    def at_its_place(self, error: ConfigError) -> ConfigError:
        """Return an error that shows the line of the key at fault."""
        return self.loaded.error(str(error), error.key) if error.key else error

    # What is known of the data.

    @property
    def in_shape(self) -> Shape:
        """The shape of an example, before preprocessing."""
        return self.source.in_shape

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the images. Raises UsageError where the model reads none."""
        try:
            return self.source.image_shape
        except UsageError as error:
            raise UsageError(f"{self.experiment.name}: {error}") from error

    @property
    def images_lie_on_side(self) -> bool:
        """Whether the rows of the data set's images are columns of what they show, which an odd number of `transpose`
        says; of a committee, its members say it.
        """
        transposes = sum(isinstance(transform, Transpose) for transform in self.experiment.preprocess)
        return transposes % 2 == 1 or any(member.images_lie_on_side for member in self.members)

    @property
    def classes(self) -> int:
        return self.source.classes

    @property
    def class_names(self) -> list[str]:
        """What each class is called: as the data set calls it, by its label, or by what a class was made of."""
        return self.source.class_names

    @property
    def sequences(self) -> SequencesInfo | None:
        """The properties of the input sequences; None if the inputs are none."""
        return self.source.sequences

    @property
    def streamed(self) -> Collection[SplitName]:
        return self.source.streamed

    @property
    def train_examples(self) -> int:
        return self.examples["train"]

    # What follows for training.

    @property
    def parameters(self) -> int:
        """How many the model has, or all members of a committee together."""
        return int(self.experiment.model.size) + sum(member.parameters for member in self.members)

    @property
    def needs_loops(self) -> bool:
        """Whether loops that Numba compiles save the whole run about as much time as Numba takes to start."""
        return resources.needs_loops(self.task, self.pace)

    # Reading and allocating.

    def place(self, split: SplitName) -> Examples:
        """Read a split and put it on the device, scaled and preprocessed, once and for all; one that is streamed, when
        its parts are asked for. The preprocessing must be fitted, which `training` does, or restored from a run.
        """
        return self.counted(split, lambda: self.inputs.place(split))

    def counted(self, split: SplitName, place: Callable[[], Examples]) -> Examples:
        """Place a split and remember how many examples it has."""
        try:
            examples = place()
        except ConfigError as error:
            raise self.at_its_place(error) from error
        self.examples[split] = len(examples.labels)
        return examples

    def allocate(self) -> None:
        """Give the model its parameter vector, at the start of its initial stream."""
        self.task.allocate(module_for(self.experiment.backend.device))

    def remembered(self) -> dict[str, Array]:
        """Return the arrays, as they begin, that the objective remembers from update to update; after `allocate`."""
        return self.task.remembered(self.pace.batch_size, self.pace.updates_per_epoch)

    def learning(self) -> Learning:
        """Read the training and validation splits and return what learns, by steps or in rounds, at its beginning."""
        if isinstance(self.task, SteppedTask):
            return self.training()
        train, valid, _ = self._read()
        try:
            return self.task.fitting(train, valid)
        except ConfigError as error:
            raise self.at_its_place(error) from error

    def _read(self) -> tuple[Examples, Examples | None, StoredSplit | None]:
        """Return the training and the validation split, and the former as it lies where it stays on the disk; the model
        is built for good, and allocated.
        """
        on_disk = self.source.open("train") if "train" in self.streamed else None
        train = self.inputs.settle(on_disk) if on_disk else self.counted("train", self.inputs.fit)
        valid = self.place("valid") if self.examples["valid"] else None
        try:
            self.build()  # now the shape of the inputs is known
        except ConfigError as error:
            raise self.at_its_place(error) from error
        self.allocate()
        self.pace.is_known = True
        self._refuse_inputs(train, valid)
        return train, valid, on_disk

    def training(self) -> Training:
        """Return the training of a model that is trained by steps; see `learning`. Raises UsageError for another."""
        task = self.task
        if not isinstance(task, SteppedTask):
            raise UsageError(f"{self.experiment.name}: its model is fitted, and not trained by steps")
        train, valid, on_disk = self._read()
        experiment, flat = task.experiment, task.flat
        batches = batches_of(experiment, self.inputs, train, on_disk)
        self.pace.examples_per_epoch = batches.examples_per_epoch
        objective, evaluate = task.begin(train, valid, self.penalties, self.pace.batch_size, batches.per_epoch)
        # Last: a model may begin where the means of the images want it.
        experiment.optimizer.allocate(flat.theta, flat.grad)
        if experiment.averaging is not None:
            experiment.averaging.allocate(flat.theta)
        return Training(
            objective=objective,
            optimizer=experiment.optimizer,
            batches=batches,
            policies=experiment.stopping,
            evaluate=evaluate,
            monitor=experiment.checkpoint.monitor,
            best_values=objective.values.copy(),
            loss=RunningLoss(objective.theta),
            evaluate_every=self.pace.evaluate_every,
            evaluates_epochs=self.pace.evaluates_epochs,
            updates_per_objective=compatibility.updates_per_objective(task, self.train_examples),
            average=experiment.averaging,
        )

    def _refuse_inputs(self, *splits: Examples | None) -> None:
        """Raise ConfigError if what learns first, this model or a phase before it, cannot be given these inputs."""
        first = self.phases[0] if self.phases else self
        try:
            for examples in splits:
                if examples is not None:
                    first.task.refuse_inputs(examples)
        except ConfigError as error:
            raise first.at_its_place(error) from error


def _known_sizes(experiment: AnyExperiment, kept: KeptFacts | None, whole: Plan | None) -> DatasetInfo | None:
    """Return the sizes of the data set that a run, or the whole that this is a part of, has kept; None if neither."""
    if kept is not None:
        return info_of(kept.dataset)
    if whole is not None and whole.experiment.data.dataset == experiment.data.dataset:
        return info_of(whole.source.facts)
    return None
