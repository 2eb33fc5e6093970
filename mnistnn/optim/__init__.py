"""Optimizers: rules that move theta by asking the objective for losses and gradients."""

from mnistnn.optim.sgd import SGD

# The registry: every optimizer that an experiment can name by its `type`.
Optimizer = SGD
