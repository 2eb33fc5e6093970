"""Models: one flat parameter vector, and what is computed with it."""

from typing import Annotated

from pydantic import Field

from mnistnn.models.rbm import RBM
from mnistnn.models.sequential import Sequential

# What reads digits: a forward pass and a backward pass.
Model = Sequential

# The registry: every model that an experiment can name by its `type`.
AnyModel = Annotated[Sequential | RBM, Field(discriminator="type")]
