"""Losses: from the model's last output and the labels to a mean value and its gradient.

The losses of unsupervised models are named at the same place.
"""

from typing import Annotated

from pydantic import Field

from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.losses.each_step import EachStep
from mnistnn.losses.hebbian import Hebbian
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.losses.perceptron import Perceptron
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError

# Losses of classifiers.
Loss = SoftmaxNLL | SigmoidNormalizedNLL | BinaryNLL | SquaredError | Perceptron

# What is minimised of a network: one of these, at each step where classes are; by numbers; or by its inputs alone.
Criterion = Loss | EachStep | MeanSquaredError | Hebbian

# Losses of unsupervised models.
UnsupervisedLoss = ContrastiveDivergence | Reconstruction

# The registry: every loss that an experiment can name by its `type`.
AnyLoss = Annotated[Loss | MeanSquaredError | Hebbian | UnsupervisedLoss, Field(discriminator="type")]
