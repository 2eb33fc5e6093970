"""Optimizers: rules that move theta by asking the objective for losses and gradients."""

from typing import Annotated

from pydantic import Field

from mnistnn.optim.adaptive import (
    AdaDelta,
    AdaGrad,
    Adam,
    AdamW,
    AdaptiveRates,
    CourseRMSProp,
    GravesRMSProp,
    RMSProp,
)
from mnistnn.optim.momentum import CourseMomentum, Momentum, Nesterov
from mnistnn.optim.rprop import RProp
from mnistnn.optim.sgd import SGD, Sign

# The registry: every optimizer that an experiment can name by its `type`.
Optimizer = Annotated[
    SGD
    | Sign
    | CourseMomentum
    | Momentum
    | Nesterov
    | AdaptiveRates
    | RProp
    | CourseRMSProp
    | RMSProp
    | GravesRMSProp
    | AdaGrad
    | AdaDelta
    | Adam
    | AdamW,
    Field(discriminator="type"),
]
