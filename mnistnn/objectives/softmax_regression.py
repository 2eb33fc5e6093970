"""Softmax regression: one linear layer whose outputs the softmax loss judges, with no penalty but L2."""

from typing import TypeGuard

from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.objectives.supervised import BaseObjective, Objective


def is_softmax_regression(objective: BaseObjective) -> TypeGuard[Objective]:
    """Tell whether this is the objective of plain softmax regression, on several inputs and classes."""
    if not isinstance(objective, Objective):
        return False
    layers, loss = list(objective.model.layers.values()), objective.loss
    if len(layers) != 1 or not isinstance(layers[0], Dense) or type(loss) is not SoftmaxNLL:
        return False
    is_plain = layers[0].activation == "linear" and not layers[0].each_step and layers[0].max_norm is None
    penalties = len(objective.smooth) + len(objective.proximal)
    only_decay = penalties == bool(objective.decay) and objective.chunk is None
    return is_plain and only_decay and loss.is_plain and layers[0].units > 1 and layers[0].n_in > 1
