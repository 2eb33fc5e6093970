"""Which task an experiment is: the one place that asks what kind of model, and of targets, it has."""

from mnistnn.config.schema import AnyExperiment, Experiment, FittedExperiment
from mnistnn.data.source import DataSource
from mnistnn.losses.hebbian import Hebbian
from mnistnn.models.autoencoder import Autoencoder
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.fitted.boosting.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.committee import Committee
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
from mnistnn.models.fitted.support_vectors.svm import SVM
from mnistnn.models.rbm import RBM
from mnistnn.tasks.classes import NetworkClassification, StepClassification
from mnistnn.tasks.classification import Evaluation
from mnistnn.tasks.committee import CommitteeTask
from mnistnn.tasks.contract import Task
from mnistnn.tasks.energy import EnergyTask, Likelihood
from mnistnn.tasks.fitted import FittedClassification
from mnistnn.tasks.fitted_kinds import GaussiansTask, LinearTask, NeighboursTask, StumpsTask, SupportVectorTask
from mnistnn.tasks.hebbian import HebbianResult, HebbianTask
from mnistnn.tasks.network import NetworkTask
from mnistnn.tasks.reconstruction import ReconstructionResult, ReconstructionTask
from mnistnn.tasks.regression import Regression, RegressionResult
from mnistnn.tasks.result import Result

# The task of every type of model but the network, whose targets decide it, and fitted ones of the user's own.
OF_MODELS: dict[type, type[Task]] = {
    RBM: EnergyTask,
    Boltzmann: EnergyTask,
    Autoencoder: ReconstructionTask,
    LeastSquares: LinearTask,
    QuadraticDiscriminant: GaussiansTask,
    BoostedStumps: StumpsTask,
    SVM: SupportVectorTask,
    NearestNeighbours: NeighboursTask,
    Committee: CommitteeTask,
}

RESULTS: tuple[type[Result], ...] = (Evaluation, Likelihood, RegressionResult, ReconstructionResult, HebbianResult)
"""The types of results, each in files with a prefix of its own, which is empty for the first."""


def task_of(experiment: AnyExperiment, source: DataSource) -> Task:
    """Return the task of an experiment. Raises ConfigError, with the key at fault, if its parts are of several."""
    kind = OF_MODELS.get(type(experiment.model)) or (
        FittedClassification if isinstance(experiment, FittedExperiment) else _of_network(experiment, source)
    )
    task = kind(experiment, source)
    task.refuse_what_does_not_fit()
    return task


def _of_network(experiment: Experiment, source: DataSource) -> type[NetworkTask]:
    """Return the task of a network, which follows from the targets that it has, unless its loss asks for none."""
    if isinstance(experiment.loss, Hebbian):
        return HebbianTask
    if source.target_numbers is not None:
        return Regression
    return StepClassification if source.targets_at_every_step else NetworkClassification
