"""Optimizers: rules that move theta by asking the objective for losses and gradients."""

from typing import Annotated

from pydantic import Field

from mnistnn.optim.adaptive import AdaDelta, AdaGrad, Adam, AdamW, AdaptiveRates, CourseRMSProp, GravesRMSProp, RMSProp
from mnistnn.optim.conjugate_gradient import ConjugateGradient
from mnistnn.optim.hessian_free import HessianFree
from mnistnn.optim.lbfgs import LBFGS
from mnistnn.optim.levenberg_marquardt import LevenbergMarquardt
from mnistnn.optim.momentum import CourseMomentum, Momentum, Nesterov
from mnistnn.optim.rprop import RProp
from mnistnn.optim.sgd import SGD, Sign
from mnistnn.optim.stochastic_diagonal import StochasticDiagonal

# The rules that follow one gradient a step.
Rule = (
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
    | AdamW
    | StochasticDiagonal
)

# The methods that ask the objective as often as they like.
Method = ConjugateGradient | LBFGS | HessianFree | LevenbergMarquardt

# The registry: every optimizer that an experiment can name by its `type`.
Optimizer = Annotated[Rule | Method, Field(discriminator="type")]
