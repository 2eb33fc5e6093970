"""Which kinds of models say more of themselves than their scores."""

from mnistnn.analysis.inspection.answers.fitted_models import (
    ShownCommittee,
    ShownGaussians,
    ShownLinear,
    ShownMachines,
    ShownNeighbours,
    ShownStumps,
    ShownWeights,
)
from mnistnn.analysis.inspection.answers.models import ShownModel, ShownNetwork
from mnistnn.analysis.inspection.answers.unsupervised_models import ShownEnergy, ShownReconstruction
from mnistnn.experiment.trained import Trained
from mnistnn.tasks.committee import CommitteeTask
from mnistnn.tasks.energy import EnergyTask
from mnistnn.tasks.fitted import FittedClassification
from mnistnn.tasks.fitted_kinds import GaussiansTask, LinearTask, NeighboursTask, StumpsTask, SupportVectorTask
from mnistnn.tasks.network import NetworkTask
from mnistnn.tasks.reconstruction import ReconstructionTask
from mnistnn.types import Array

SHOWN: dict[type, type[ShownModel]] = {
    NetworkTask: ShownNetwork,
    ReconstructionTask: ShownReconstruction,
    EnergyTask: ShownEnergy,
    LinearTask: ShownLinear,
    GaussiansTask: ShownGaussians,
    NeighboursTask: ShownNeighbours,
    SupportVectorTask: ShownMachines,
    StumpsTask: ShownStumps,
    CommitteeTask: ShownCommittee,
    FittedClassification: ShownWeights,
}


def shown(trained: Trained, x: Array) -> ShownModel:
    """Return how a model is shown, by its task or the nearest that this extends."""
    kind = next((SHOWN[each] for each in type(trained.task).__mro__ if each in SHOWN), ShownModel)
    return kind(trained, x)
