"""Which layers say more of themselves than any layer does."""

from mnistnn.analysis.inspection.answers.dense_layers import ShownDense, ShownDropConnect
from mnistnn.analysis.inspection.answers.image_layers import ShownConv, ShownPool
from mnistnn.analysis.inspection.answers.layers import (
    ShownActivation,
    ShownBatchNorm,
    ShownDropout,
    ShownFlatten,
    ShownLayer,
)
from mnistnn.analysis.inspection.answers.recurrent_layers import ShownGRU, ShownLSTM, ShownSimple
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.contract import BaseLayer
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.layers.flatten import Flatten
from mnistnn.layers.gru import GRU
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.pool import Pool
from mnistnn.layers.recurrent import Recurrent
from mnistnn.types import Array

SHOWN: dict[type, type[ShownLayer]] = {
    Dense: ShownDense,
    DropConnect: ShownDropConnect,
    Conv: ShownConv,
    Pool: ShownPool,
    BatchNorm: ShownBatchNorm,
    Dropout: ShownDropout,
    Flatten: ShownFlatten,
    ActivationLayer: ShownActivation,
    Recurrent: ShownSimple,
    LSTM: ShownLSTM,
    GRU: ShownGRU,
}


def shown(layer: BaseLayer, x: Array, y: Array) -> ShownLayer:
    """Return how a layer is shown, of which x and y (1, …) are the last forward pass, in use.

    A class that extends one of the table may compute something else: it is shown as any layer.
    """
    return SHOWN.get(type(layer), ShownLayer)(layer, x, y)
