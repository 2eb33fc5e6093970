"""Models: one flat parameter vector, and what is computed with it."""

from typing import Annotated

from pydantic import Field

from mnistnn.models.autoencoder import Autoencoder
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.rbm import RBM
from mnistnn.models.sequential import Sequential

# What reads digits: a forward pass and a backward pass.
Model = Sequential

# What says how probable an image is; what learns from images alone.
Machine = RBM | Boltzmann
AnyUnsupervised = Machine | Autoencoder

# The registry: every model that an experiment can name by its `type`.
AnyModel = Annotated[Sequential | AnyUnsupervised, Field(discriminator="type")]
