"""Models: one flat parameter vector, a forward pass and a backward pass."""

from mnistnn.models.sequential import Sequential

# The registry: every model that an experiment can name by its `type`.
Model = Sequential
