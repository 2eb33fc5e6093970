"""Models that read no digits: how each kind learns, and what is measured of it."""

from typing import NamedTuple

from mnistnn.models.autoencoder import Autoencoder
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.rbm import RBM
from mnistnn.models.unsupervised import Unsupervised
from mnistnn.objectives.boltzmann import GeneralObjective
from mnistnn.objectives.contrastive_divergence import RestrictedObjective
from mnistnn.objectives.reconstruction import ReconstructionObjective
from mnistnn.objectives.unsupervised import UnsupervisedObjective
from mnistnn.tasks.unsupervised import EnergyMeasurement, ReconstructionMeasurement, UnsupervisedMeasurement


class Kind(NamedTuple):
    """What belongs to a kind of model."""

    objective: type[UnsupervisedObjective]
    measurement: type[UnsupervisedMeasurement]


# The registry: every such model that an experiment can name has its line here.
KINDS: dict[type[Unsupervised], Kind] = {
    RBM: Kind(RestrictedObjective, EnergyMeasurement),
    Boltzmann: Kind(GeneralObjective, EnergyMeasurement),
    Autoencoder: Kind(ReconstructionObjective, ReconstructionMeasurement),
}
