"""Models: one flat parameter vector, and what is computed with it."""

from typing import Annotated

from pydantic import Field

from mnistnn.models.autoencoder import Autoencoder
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.fitted import AnyFitted
from mnistnn.models.rbm import RBM
from mnistnn.models.sequential import Sequential

# Energy-based models say how probable an image is; unsupervised ones learn from images alone.
AnyEnergyModel = RBM | Boltzmann
AnyUnsupervised = AnyEnergyModel | Autoencoder

# The registry: every model that an experiment can name by its `type`, trained by steps or fitted.
AnyModel = Annotated[Sequential | AnyUnsupervised, Field(discriminator="type")]
AnyFittedModel = Annotated[AnyFitted, Field(discriminator="type")]
