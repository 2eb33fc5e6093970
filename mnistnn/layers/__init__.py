"""Layers: parameters, buffers and the order of kernel calls; no maths of their own."""

from typing import Annotated

from pydantic import Field

from mnistnn.layers.activation import ActivationLayer
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout

# The registry: every layer that an experiment can name by its `type`.
Layer = Annotated[Dense | ActivationLayer | Dropout | DropConnect, Field(discriminator="type")]
