"""Preprocessing: transforms of the pixels that are fitted on the training split only, and kept with the run."""

from typing import Annotated

from pydantic import Field

from mnistnn.preprocess.contrast import ContrastNormalize
from mnistnn.preprocess.standardize import Standardize
from mnistnn.preprocess.whiten import Whiten

# The registry: every transform that an experiment can name by its `type`.
Preprocess = Annotated[Whiten | Standardize | ContrastNormalize, Field(discriminator="type")]
