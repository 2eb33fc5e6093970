"""Losses: from the model's last output and the labels to a mean value and its gradient."""

from typing import Annotated

from pydantic import Field

from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError

# The registry: every loss that an experiment can name by its `type`.
Loss = Annotated[SoftmaxNLL | SigmoidNormalizedNLL | BinaryNLL | SquaredError, Field(discriminator="type")]
