"""The contract of a task: one object has all that depends on the kind of learning, so no other code asks which it is.

A task says how a model of its kind learns and what is measured of it while it learns, which metrics an evaluation
finds, which of them an experiment may claim, and the lines that people read. What a kind does not have is refused by
name: the accessors here raise UsageError, and the task that has it overrides them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from mnistnn.config.schema import AnyExperiment
from mnistnn.data.examples import Examples
from mnistnn.data.source import DataSource
from mnistnn.errors import ConfigError, UsageError
from mnistnn.layers import Layer
from mnistnn.losses import Criterion, Loss
from mnistnn.models import AnyEnergyModel, AnyUnsupervised
from mnistnn.models.fitted.boosting.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.committee import Committee, TrainedMember
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
from mnistnn.models.fitted.support_vectors.svm import SVM
from mnistnn.models.flat import FlatModel
from mnistnn.models.rbm import RBM
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.gradient_check import CheckedFunction
from mnistnn.objectives.supervised import BaseObjective
from mnistnn.optim.contract import Requirements
from mnistnn.optim.rule import monitored_by_rate
from mnistnn.tasks.claims import Band, Claim
from mnistnn.tasks.result import Result, ResultElsewhere
from mnistnn.training.fit import Fitting
from mnistnn.training.learning import Layout
from mnistnn.training.loop import Evaluate
from mnistnn.types import Array, Row, Shape, SplitName

Watch = Callable[[str, int, int], None]
"""Reports the progress of a long measurement: what it is doing, how far it is, and the total."""

# The options of `mnistnn eval` that belong to some kinds of model only, and to which.
OPTIONS = {
    "--per-class": "classifiers",
    "--top-k": "classifiers",
    "--mc-samples": "classifiers",
    "--mc-mean": "classifiers",
    "--temperatures": "energy-based models",
    "--chains": "energy-based models",
    "--reverse": "energy-based models",
    "--ais": "energy-based models",
}


class Subject(Protocol):
    """A trained model with the examples of its run at hand."""

    @property
    def task(self) -> "Task": ...

    def batches(self, split: SplitName, count: int | None = None) -> Iterator[tuple[Array, Array]]:
        """Yield inputs x (n, ...) and labels (n, ...) of a split, or of its first `count` examples; lent."""
        ...

    def count(self, split: SplitName) -> int:
        """Return how many examples a split has, at most."""
        ...


@dataclass(frozen=True)
class Part:
    """One part of a model for a table: its name and type, the shape of its output for an example, how many parameters
    it has, and how many numbers it keeps beside them for the largest batch.
    """

    name: str
    type: str
    out_shape: Shape
    parameters: int
    kept: int


class Weights(NamedTuple):
    """The weights into a part of a model: W (n_in, units), or kernels (maps, channels, kh, kw).

    parameter  the name in checkpoints, such as hidden.W
    units      what its units are called, where they have names
    """

    parameter: str
    W: Array
    units: list[str] | None = None


class Task:
    """Abstract: the kind of learning of one planned experiment, whose own copy of model and loss it works with."""

    result: ClassVar[type[Result]]
    """The result of an evaluation of this kind."""
    result_elsewhere: ClassVar[type[ResultElsewhere] | None] = None
    """The result of one on another data set than the run's; None if there is no such evaluation."""
    claims: ClassVar[tuple[Claim, ...]]
    """The possible claims of experiments of this kind; the first is what `eval` holds against its band on other splits
    too."""
    rounds: int | None = None
    """How many rounds a fitted model has at most; None for one that is trained by steps."""
    has_value: ClassVar[bool] = True
    """Whether what is minimised has a value that falls along the direction that is followed."""
    options: ClassVar[frozenset[str]] = frozenset()
    """Which of OPTIONS an evaluation takes."""

    def __init__(self, experiment: AnyExperiment, source: DataSource) -> None:
        self.experiment, self.source = experiment, source

    # What fits together.

    def refuse_what_does_not_fit(self) -> None:
        """Raise ConfigError, with the key at fault, if something in the experiment is not for this kind."""

    def build(self, in_shape: Shape) -> None:
        """Build the model, and what judges its outputs, for inputs of this shape. Raises ConfigError."""
        raise NotImplementedError

    def refuse_optimizer(self, name: str, requirements: Requirements) -> None:
        """Raise ConfigError if an optimizer requires what the objective of this kind cannot give."""

    def what_changes(self) -> Iterator[tuple[str, str]]:
        """Yield what this kind draws anew for each batch, which makes the objective another one: key, and reason."""
        yield from ()

    # Learning.

    @property
    def rounds_done(self) -> int | None:
        """How many rounds a fitted model has, as it stands; None for one that is trained by steps."""
        return None

    def allocate(self, xp: Any) -> None:
        """Let the model, which is built, stand at its beginning, with arrays of xp."""
        raise NotImplementedError

    def remembered(self, batch_size: int, updates_per_epoch: int) -> dict[str, Array]:
        """Return the arrays, as they begin, that learning remembers from update to update; after `allocate`."""
        return {}

    def refuse_inputs(self, examples: Examples) -> None:
        """Raise ConfigError if the model cannot be given these inputs."""

    def begin(
        self, train: Examples, valid: Examples | None, penalties: list[Any], batch_size: int, updates_per_epoch: int
    ) -> tuple[BaseObjective, Evaluate]:
        """Return what is minimised and what is measured meanwhile, of a model that is trained; it is allocated."""
        raise self._refusal("is fitted, and not trained by steps")

    def fitting(self, train: Examples, valid: Examples | None) -> Fitting:
        """Return the fitting, at its beginning, of a model that is fitted; it is allocated."""
        raise self._refusal("is trained by steps, and not fitted")

    def checked_function(self, x: Array, targets: Array, penalties: list[Any]) -> CheckedFunction:
        """Return what is minimised on a batch, x (n, ...) and targets (n, ...) in float64, for a check of its gradient.

        The model is allocated, in float64, with the parameters to check at. Raises UsageError, with the reason, where
        there is no gradient, or it is not that of a function.
        """
        raise self._refusal("is fitted, and has no gradient")

    def refuse_members(self, tasks: list["Task"]) -> None:
        """Raise ConfigError if models of these tasks cannot be the members of a committee."""

    def find_members_by(self, find: Callable[[int], TrainedMember]) -> None:
        """Let the members of a committee be found by their number. Raises UsageError for another model."""
        raise self._refusal("has no members")

    def find_references_by(self, find: Callable[[], Examples]) -> None:
        """Let a model that keeps no copy of the examples that it is fitted to find them again."""

    @property
    def needs_references(self) -> bool:
        """Whether the model keeps no copy of the examples that it is fitted to, and wants them when it is asked."""
        return False

    def keep_partial_scores_in(self, folder: Path) -> None:
        """Keep the scores of long evaluations in files of a folder while they are under way."""

    def forget_partial_scores(self, *splits: str) -> None:
        """Remove such files of these splits: what follows from the scores has been written."""

    @property
    def needs_loops(self) -> bool:
        """Whether fitting the model takes so long that compiled loops earn their start, whatever its size."""
        return False

    @property
    def scores_need_loops(self) -> bool:
        """Whether asking the model takes so long."""
        return False

    # What is kept.

    def arrays(self) -> dict[str, Array]:
        """Return all that the model, as it stands, consists of, by name."""
        raise NotImplementedError

    def named_arrays(self) -> dict[str, Array]:
        """Return the same for other programs: under the names of parts, each in its own shape. Raises UsageError where
        there is nothing that another program could use.
        """
        return self.arrays()

    def restore(self, tensors: Mapping[str, np.ndarray], layout: Layout, best: Row | None) -> bool:
        """Take from the tensors of a checkpoint what the model consists of, at its `best` evaluation if that is given,
        else as it was last. False if they are those of another model.
        """
        raise NotImplementedError

    # What readers ask.

    def parts(self, batch_size: int, evaluated: int, workers: int) -> list[Part]:
        """Return what the model consists of, in order, with the numbers kept for batches of these sizes."""
        raise NotImplementedError

    @property
    def layers(self) -> dict[str, Layer]:
        """The layers by name, of a model that consists of some."""
        return self.experiment.model.layers

    @property
    def flat(self) -> FlatModel:
        """The model, where its parameters are one vector. Raises UsageError for one that is fitted."""
        raise self._refusal("is fitted, and has no vector of parameters")

    @property
    def network(self) -> Sequential:
        """The model, where it is a network of layers. Raises UsageError for another."""
        raise self._refusal("has no layers")

    @property
    def criterion(self) -> Criterion:
        """The criterion of a model that learns from labels or numbers. Raises UsageError for another."""
        raise self._refusal("classifies nothing")

    @property
    def loss(self) -> Loss:
        """The loss of a classifier. Raises UsageError where the model has no one class an example."""
        raise self._refusal("classifies nothing")

    @property
    def unsupervised(self) -> AnyUnsupervised:
        """The model, where it learns from images alone. Raises UsageError for another."""
        raise self._refusal("gives no images")

    @property
    def energy_model(self) -> AnyEnergyModel:
        """The model, where it gives images a probability. Raises UsageError for another."""
        raise self._refusal("gives no image a probability")

    @property
    def rbm(self) -> RBM:
        """The model, where it is a restricted Boltzmann machine. Raises UsageError for another."""
        raise self._refusal("is no restricted Boltzmann machine")

    def weights(self) -> dict[str, Weights]:
        """Return the weights into each part of the model that has some. Raises UsageError for a model without."""
        raise self._refusal("has no weights")

    @property
    def least_squares(self) -> LeastSquares:
        """The model, where its outputs are linear in x. Raises UsageError for another."""
        raise self._refusal("has no outputs that are linear in its inputs")

    @property
    def quadratic_discriminant(self) -> QuadraticDiscriminant:
        """The model, where it is a Gaussian for each class. Raises UsageError for another."""
        raise self._refusal("has no Gaussians")

    @property
    def nearest_neighbours(self) -> NearestNeighbours:
        """The model, where it decides by the references that are nearest. Raises UsageError for another."""
        raise self._refusal("has no neighbours that it decides by")

    @property
    def support_vector_machine(self) -> SVM:
        """The model, where it has support vectors. Raises UsageError for another."""
        raise self._refusal("has no support vectors")

    @property
    def boosted_stumps(self) -> BoostedStumps:
        """The model, where it is a sum of stumps. Raises UsageError for another."""
        raise self._refusal("has no stumps")

    @property
    def committee(self) -> Committee:
        """The model, where it consists of members that decide together. Raises UsageError for another."""
        raise self._refusal("has no members")

    def features(self) -> dict[str, np.ndarray]:
        """Return W and b of the features that hidden units compute. Raises UsageError for a model without."""
        raise self._refusal("has no features")

    def decoder(self) -> dict[str, np.ndarray]:
        """Return W (units, n_in) and b (n_in,) by which hidden units give back what is visible, as `features` does.
        Raises UsageError for a model without.
        """
        raise self._refusal("reconstructs no images")

    def reconstructed(self, x: Array) -> tuple[Array | None, Array]:
        """Return what the model is shown of images x (n, ...) where it is not all, and what it reconstructs: rows (n,
        n_in). Raises UsageError for a model that reconstructs none.
        """
        raise self._refusal("reconstructs no images")

    def scores(self, x: Array) -> Array:
        """Return the outputs of the model in use for inputs x (n, ...), lent. Raises UsageError without any."""
        raise self._refusal("classifies nothing")

    @property
    def has_probabilities(self) -> bool:
        """Whether the scores of the classifier stand for probabilities."""
        return self.loss.has_probabilities

    def refuse_without_probabilities(self) -> None:
        """Raise UsageError for a model that gives no probabilities."""
        if not self.has_probabilities:
            raise self._refusal(f"gives no probabilities, but {self.unit}")

    @property
    def unit(self) -> str:
        """What the scores are where they do not stand for probabilities, in words."""
        return f"outputs that should be 1 for the class and 0 for others ({self.loss.type})"

    def _refusal(self, lacks: str) -> UsageError:
        return UsageError(f"{self.experiment.name}: its model, of type {self.experiment.model.type}, {lacks}")

    # Evaluations.

    def refuse_options(self, given: Mapping[str, Any]) -> None:
        """Raise UsageError for options of `eval`, by flag, that are not for this kind."""
        wrong = [flag for flag in given if flag not in self.options]
        if wrong:
            raise UsageError(f"{', '.join(wrong)}: for {OPTIONS[wrong[0]]}, and this model {self.described}")

    @property
    def described(self) -> str:
        """What the model is or does, to be said after `this model`."""
        return f"is of type {self.experiment.model.type}"

    def measure(self, subject: Subject, split: SplitName, options: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
        """Return the fields of the result but for its header: what a trained model is found to be on a split."""
        raise NotImplementedError

    def lines(self, result: Any, claim: str | None, columns: int | None = None) -> list[str]:
        """Return a result as lines for people, tables in so many `columns` if that is given.

        claim  what is to be said of the claimed metric, if anything
        """
        raise NotImplementedError

    def lines_per_class(self, result: Any) -> list[str]:
        """Return what was found of each class as the lines of a table. Raises UsageError where there are no classes."""
        raise self._refusal("classifies nothing")

    def claims_on(self, split: SplitName) -> list[tuple[Claim, Band | None]]:
        """Return what `eval` holds against a band on a split, and the bands; if the experiment claims nothing of it,
        what it may claim first, and None.
        """
        possible = [(each, each.band(self.experiment.expect)) for each in self.claims if each.split == split]
        claimed = [(claim, band) for claim, band in possible if band is not None]
        return [*claimed] or possible[:1] or [(self.claims[0], None)]


def metrics_read(experiment: AnyExperiment) -> dict[str, tuple[str, ...]]:
    """Return the metrics that policies, the learning rate and the choice of the best epoch read, by key."""
    read = {f"stopping.{i}": policy.metrics() for i, policy in enumerate(experiment.stopping)}
    read["checkpoint.monitor"] = (experiment.checkpoint.monitor,)
    if (monitor := monitored_by_rate(experiment.optimizer)) is not None:
        read["optimizer.learning_rate"] = (monitor,)
    return read


def is_read(metric: str, experiment: AnyExperiment) -> bool:
    """Tell whether one of these reads a metric, which is then measured."""
    return any(metric in metrics for metrics in metrics_read(experiment).values())


def refuse_errors(experiment: AnyExperiment, why: str) -> None:
    """Raise ConfigError, at the key that asks, if something reads an error where there are none, and `why`."""
    for key, metrics in metrics_read(experiment).items():
        for metric in metrics:
            if metric.startswith("valid.") and metric != "valid.loss":
                raise ConfigError(f"{why}, so there is no {metric}; valid.loss there is", key=key)
    if experiment.evaluation.train_error:
        raise ConfigError(f"{why}, so there are no errors", key="evaluation.train_error")
