"""Objectives: a model and its loss on a batch, as value and gradient by one vector of parameters."""
