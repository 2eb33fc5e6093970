"""Which kinds of models say more of themselves than their scores."""

from mnistnn.analysis.inspection.answers.models import (
    ShownCommittee,
    ShownEnergy,
    ShownMachines,
    ShownModel,
    ShownNeighbours,
    ShownNetwork,
    ShownReconstruction,
    ShownStumps,
    ShownWeights,
)
from mnistnn.experiment.trained import Trained
from mnistnn.tasks.committee import CommitteeTask
from mnistnn.tasks.energy import EnergyTask
from mnistnn.tasks.fitted import FittedClassification
from mnistnn.tasks.fitted_kinds import NeighboursTask, StumpsTask, SupportVectorTask
from mnistnn.tasks.network import NetworkTask
from mnistnn.tasks.reconstruction import ReconstructionTask
from mnistnn.types import Array

SHOWN: dict[type, type[ShownModel]] = {
    NetworkTask: ShownNetwork,
    ReconstructionTask: ShownReconstruction,
    EnergyTask: ShownEnergy,
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
