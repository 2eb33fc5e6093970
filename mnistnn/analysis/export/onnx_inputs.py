"""Each transform of the inputs as ONNX nodes, where it is the same array operations for every image.

Transforms that read every image at places of its own are refused by name: they would take a page of operators that
few runtimes have, and `--without-preprocess` leaves them to the user's own program. One that is in neither table fails
a test.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from mnistnn.analysis.export.onnx_graph import Graph, Part
from mnistnn.errors import UsageError
from mnistnn.experiment.plan import Plan
from mnistnn.preprocess.binarize import Binarize
from mnistnn.preprocess.blur import Blur, gaussian_band
from mnistnn.preprocess.contrast import ContrastNormalize
from mnistnn.preprocess.deskew import Deskew
from mnistnn.preprocess.features import Features
from mnistnn.preprocess.normalize_width import NormalizeWidth
from mnistnn.preprocess.pad import Pad
from mnistnn.preprocess.quadratic import Quadratic
from mnistnn.preprocess.scan import Scan
from mnistnn.preprocess.shrink import Shrink, area_means
from mnistnn.preprocess.standardize import Standardize
from mnistnn.preprocess.transpose import Transpose
from mnistnn.preprocess.whiten import Whiten

_FLOAT = 1  # TensorProto.FLOAT, without an import of onnx


def _whiten(transform: Whiten, part: Part, x: str) -> str:
    centred = part.node("Sub", part.rows(x), part.constant("mean", transform.mean))
    white = part.node("MatMul", centred, part.constant("matrix", transform.matrix))
    return white if transform.method == "pca" else part.reshaped(white, part.in_shape)


def _standardize(transform: Standardize, part: Part, x: str) -> str:
    centred = part.node("Sub", x, part.constant("mean", transform.mean))
    return part.node("Div", centred, part.constant("deviation", np.sqrt(transform.variance + transform.epsilon)))


def _contrast_normalize(transform: ContrastNormalize, part: Part, x: str) -> str:
    over = {"axes": list(range(1, 1 + len(part.in_shape))), "keepdims": 1}  # an image
    centred = part.node("Sub", x, part.node("ReduceMean", x, attributes=over))
    variance = part.node("ReduceMean", part.node("Mul", centred, centred), attributes=over)
    raised = part.node("Add", variance, part.constant("epsilon", transform.epsilon))
    return part.node("Div", centred, part.node("Sqrt", raised))


def _pad(transform: Pad, part: Part, x: str) -> str:
    (h, w), (height, width) = transform.in_shape[-2:], transform.out_shape[-2:]
    top, left = (height - h) // 2, (width - w) // 2
    around = [0] * len(part.in_shape[:-1])  # the batch, and channels if there are some
    pads = np.array([*around, top, left, *around, height - h - top, width - w - left], np.int64)
    return part.node("Pad", x, part.constant("pads", pads))


def _transpose(_transform: Transpose, part: Part, x: str) -> str:
    axes = list(range(1 + len(part.in_shape)))
    return part.node("Transpose", x, attributes={"perm": [*axes[:-2], axes[-1], axes[-2]]})


def _blur(transform: Blur, part: Part, x: str) -> str:
    along_y, along_x = (gaussian_band(side, transform.sigma_px) for side in part.in_shape[-2:])
    return _along_both(along_y, along_x, part, x)


def _scan(transform: Scan, part: Part, x: str) -> str:
    rows, order = part.rows(x), transform.order
    if order is not None:
        rows = part.node("Gather", rows, part.constant("order", order), attributes={"axis": 1})
    return part.reshaped(rows, transform.out_shape)


def _quadratic(transform: Quadratic, part: Part, x: str) -> str:
    rows, along = part.rows(x), {"axis": 1}
    i, j = np.triu_indices(prod(part.in_shape))
    first = part.node("Gather", rows, part.constant("i", i), attributes=along)
    second = part.node("Gather", rows, part.constant("j", j), attributes=along)
    products = part.node("Mul", first, second)
    return part.node("Concat", rows, products, attributes=along) if transform.linear else products


def _shrink(transform: Shrink, part: Part, x: str) -> str:
    along_y, along_x = map(area_means, transform.in_shape[-2:], transform.out_shape[-2:])
    return _along_both(along_y, along_x, part, x)


def _along_both(along_y: np.ndarray, along_x: np.ndarray, part: Part, x: str) -> str:
    rows = part.node("MatMul", x, part.constant("along_x", along_x.T))
    return part.node("MatMul", part.constant("along_y", along_y), rows)


def _binarize(transform: Binarize, part: Part, x: str) -> str:
    is_dark = part.node("Less", x, part.constant("threshold", transform.threshold))
    return part.node("Cast", part.node("Not", is_dark), attributes={"to": _FLOAT})


def _features(transform: Features, part: Part, x: str) -> str:
    a = part.node("MatMul", part.rows(x), part.constant("W", transform.W))
    return part.node("Sigmoid", part.node("Add", a, part.constant("b", transform.b)))


TRANSFORMS: dict[type, Callable[[Any, Part, str], str]] = {
    Binarize: _binarize,
    Blur: _blur,
    ContrastNormalize: _contrast_normalize,
    Features: _features,
    Pad: _pad,
    Quadratic: _quadratic,
    Scan: _scan,
    Shrink: _shrink,
    Standardize: _standardize,
    Transpose: _transpose,
    Whiten: _whiten,
}
REFUSED: tuple[type, ...] = (Deskew, NormalizeWidth)


def refuse_what_has_no_nodes(plan: Plan, member: int = 0) -> None:
    """Raise UsageError, naming the transforms of the inputs that ONNX cannot express.

    member  the number of the member of a committee whose plan it is, counted from 1; 0 for the model's own
    """
    refused = [f"preprocess.{n} ({t.type})" for n, t in enumerate(plan.experiment.preprocess) if type(t) in REFUSED]
    if refused:
        whose = f" of member {member}" if member else ""
        way_out = "; --without-preprocess exports the model alone, to be given images that are preprocessed already"
        raise UsageError(
            f"{' and '.join(refused)}{whose} cannot be written in ONNX: each image is read at places of its own"
            f"{'' if member else way_out}"
        )


def add_transform(transform: Any, part: Part, x: str) -> str:
    """Add a transform that reads x (n, *in_shape) and return the name of its output."""
    if type(transform) not in TRANSFORMS:
        raise UsageError(
            f"a transform of type {transform.type} cannot be written as ONNX; --without-preprocess exports the model "
            "alone"
        )
    return TRANSFORMS[type(transform)](transform, part, x)


def add_transforms(plan: Plan, graph: Graph, x: str) -> str:
    """Add the preprocessing of scaled images x (n, h, w), and return the name of the inputs that it makes."""
    for number, transform in enumerate(plan.experiment.preprocess):
        x = add_transform(transform, Part(graph, f"preprocess.{number}", transform.in_shape), x)
    return x
