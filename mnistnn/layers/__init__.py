"""Layers: parameters, buffers and the order of kernel calls; no maths of their own."""

from typing import Annotated

from pydantic import Field

from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.layers.flatten import Flatten
from mnistnn.layers.gru import GRU
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.pool import Pool
from mnistnn.layers.recurrent import Recurrent

# The registry: every layer that an experiment can name by its `type`.
Layer = Annotated[
    Dense | Conv | Pool | Flatten | BatchNorm | ActivationLayer | Dropout | DropConnect | Recurrent | LSTM | GRU,
    Field(discriminator="type"),
]
