"""Each loss's probabilities as ONNX nodes that read the scores z, the outputs of the last layer."""

from collections.abc import Callable

from mnistnn.analysis.export.onnx_graph import Part
from mnistnn.errors import UsageError
from mnistnn.losses import Loss
from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.losses.perceptron import Perceptron
from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError


def _softmax(part: Part, z: str) -> str:
    return part.node("Softmax", z, attributes={"axis": 1})


def _sigmoid_normalized(part: Part, z: str) -> str:
    """σ(z)/Σ σ(z) is the softmax of log σ(z) = −softplus(−z), and so is 0/0 for no z."""
    log_s = part.node("Neg", part.node("Softplus", part.node("Neg", z)))
    return part.node("Softmax", log_s, attributes={"axis": 1})


def _binary(part: Part, z: str) -> str:
    p = part.node("Sigmoid", z)
    return part.node("Concat", part.node("Sub", part.constant("one", 1.0), p), p, attributes={"axis": 1})


PROBABILITIES: dict[type, Callable[[Part, str], str] | None] = {
    BinaryNLL: _binary,
    SigmoidNormalizedNLL: _sigmoid_normalized,
    SoftmaxNLL: _softmax,
    SquaredError: None,  # its scores are no probabilities
    Perceptron: None,  # nor are these
}


def add_probabilities(loss: Loss, part: Part, z: str) -> str | None:
    """Add what a loss makes of the scores z (n, outputs); return the name of (n, classes), or None if it has none."""
    if type(loss) not in PROBABILITIES:
        raise UsageError(f"a loss of type {loss.type} cannot be written as ONNX; safetensors takes the parameters")
    add = PROBABILITIES[type(loss)]
    return None if add is None else add(part, z)
