"""Losses: from the model's last output and the labels to a mean value and its gradient.

What energy models learn by is named at the same place.
"""

from typing import Annotated

from pydantic import Field

from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError

# Losses of what reads digits.
Loss = SoftmaxNLL | SigmoidNormalizedNLL | BinaryNLL | SquaredError

# The registry: every loss that an experiment can name by its `type`.
AnyLoss = Annotated[Loss | ContrastiveDivergence, Field(discriminator="type")]
