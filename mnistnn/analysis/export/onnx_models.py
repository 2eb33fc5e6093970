"""Each type of model as ONNX nodes that read its inputs x (n, *in_shape) and give its scores (n, outputs)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mnistnn.analysis.export.onnx_graph import Graph, Part
from mnistnn.analysis.export.onnx_inputs import add_transforms
from mnistnn.analysis.export.onnx_layers import add_layers
from mnistnn.analysis.export.onnx_outputs import add_probabilities
from mnistnn.component import declared_as
from mnistnn.errors import UsageError
from mnistnn.experiment.plan import Plan
from mnistnn.models.fitted.committee import LEAST, Committee
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.pairs import LIMIT
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
from mnistnn.models.fitted.support_vectors.kernel_functions import GaussianKernel, PolynomialKernel
from mnistnn.models.fitted.support_vectors.svm import SVM
from mnistnn.models.sequential import Sequential
from mnistnn.types import Shape


def _network(plan: Plan, graph: Graph, x: str) -> str:
    return add_layers(plan.task.network, graph, x, plan.preprocessing.out_shape)


def _least_squares(plan: Plan, graph: Graph, x: str) -> str:
    model: Any = plan.experiment.model
    part = Part(graph, model.type, plan.preprocessing.out_shape, model.arrays())
    outputs = part.node("Add", part.node("MatMul", part.rows(x), part.learned("W")), part.learned("b"))
    if not model.pairs:
        return outputs
    if model.combine == "sum":
        return part.node("MatMul", outputs, part.constant("signs", _signs(model.pairs, model.classes)))
    if model.combine == "limited":
        return _limited_sums(part, outputs, part.constant("signs", _signs(model.pairs, model.classes)))
    return _votes(part, model.pairs, model.classes, outputs)


def _signs(pairs: Sequence[tuple[int, int]], classes: int) -> np.ndarray:
    """Return for which class the output of each pair counts, and against which (pairs, classes)."""
    signs = np.zeros((len(pairs), classes))
    for number, (i, j) in enumerate(pairs):
        signs[number, i], signs[number, j] = 1.0, -1.0
    return signs


def _limited_sums(part: Part, outputs: str, signs: str) -> str:
    limited = part.node("Clip", outputs, part.constant("low", -LIMIT), part.constant("high", LIMIT))
    return part.node("MatMul", limited, signs)


def _votes(part: Part, pairs: Sequence[tuple[int, int]], classes: int, outputs: str) -> str:
    """Add what `votes` computes of the outputs of pairs."""
    of_classes = _signs(pairs, classes)
    signs = part.constant("signs", of_classes)
    # Of its m pairs a class wins (Σ ±1 + m) / 2.
    wins = part.node("Cast", part.node("Greater", outputs, part.constant("zero", 0.0)), attributes={"to": 1})
    plus_minus = part.node("Sub", part.node("Mul", wins, part.constant("two", 2.0)), part.constant("one", 1.0))
    of_each = part.constant("pairs of each", abs(of_classes).sum(axis=0))
    votes = part.node("Add", part.node("MatMul", plus_minus, signs), of_each)
    halves = part.node("Div", votes, part.constant("two", 2.0))
    sums = _limited_sums(part, outputs, signs)
    ties = part.node("Div", sums, part.constant("share", 2.0 * LIMIT * classes))
    return part.node("Div", part.node("Add", halves, ties), part.constant("rest", float(classes - 1)))


def _svm(plan: Plan, graph: Graph, x: str) -> str:
    model: Any = plan.experiment.model
    part = Part(graph, model.type, plan.preprocessing.out_shape)
    shared, coefficients = model.vectors.shared()
    images, rows = model.vectors.pictures(shared).reshape(len(shared), model.n_in), part.rows(x)
    supports = model.kernel.prepared(images.astype(np.float64))
    if model.kernel.unit_norm:
        length = part.node("ReduceL2", rows, attributes={"axes": [1], "keepdims": 1})
        is_zero = part.node("Cast", part.node("Equal", length, part.constant("zero", 0.0)), attributes={"to": 1})
        rows = part.node("Div", rows, part.node("Add", length, is_zero))
    kernel = KERNELS[type(model.kernel)](part, model.kernel, rows, supports)
    outputs = part.node("MatMul", kernel, part.constant("coefficients", coefficients))
    outputs = part.node("Add", outputs, part.constant("biases", model.vectors.biases))
    return _votes(part, model.pairs[: model.rounds_done], model.classes, outputs)


def _polynomial(part: Part, kernel: Any, rows: str, supports: np.ndarray) -> str:
    """Add k of each row x (n, d) with each support vector (v, d)."""
    products = part.node("MatMul", rows, part.constant("supports", supports.T))
    sums = part.node("Add", products, part.constant("offset", kernel.offset))
    scaled = part.node("Mul", sums, part.constant("scale", kernel.scale))
    return part.node("Pow", scaled, part.constant("degree", float(kernel.degree)))


def _gaussian(part: Part, kernel: Any, rows: str, supports: np.ndarray) -> str:
    """Add k of each row x (n, d) with each support vector (v, d)."""
    products = part.node("MatMul", rows, part.constant("supports", supports.T))
    squares = part.node("ReduceSumSquare", rows, attributes={"axes": [1], "keepdims": 1})
    both = part.node("Add", squares, part.constant("squares", (supports**2).sum(axis=1)))
    distance = part.node("Sub", both, part.node("Mul", products, part.constant("two", 2.0)))
    not_below = part.node("Max", distance, part.constant("zero", 0.0))
    return part.node("Exp", part.node("Mul", not_below, part.constant("gamma", -kernel.gamma)))


KERNELS: dict[type, Callable[[Part, Any, str, np.ndarray], str]] = {
    PolynomialKernel: _polynomial,
    GaussianKernel: _gaussian,
}


def _quadratic_discriminant(plan: Plan, graph: Graph, x: str) -> str:
    model: Any = plan.experiment.model
    part = Part(graph, model.type, plan.preprocessing.out_shape, model.arrays())
    rows, ones = part.rows(x), part.constant("ones", np.ones((model.n_in, 1)))
    distances = []
    for c in range(model.classes):
        y = part.node("Sub", rows, part.constant(f"mean.{c}", model.mean[c]))
        y = part.node("MatMul", y, part.constant(f"W.{c}", model.W[c]))
        distances.append(part.node("MatMul", part.node("Mul", y, y), ones))
    halves = part.node("Mul", part.node("Concat", *distances, attributes={"axis": 1}), part.constant("half", 0.5))
    return part.node("Sub", part.learned("offset"), halves)


def _committee(plan: Plan, graph: Graph, x: str) -> str:
    model: Any = plan.experiment.model
    part = Part(graph, model.type, plan.in_shape)
    members = []
    for member in model.joined:
        own: Plan = member.trained.plan
        z = add_model(own, graph, add_transforms(own, graph, x))
        p = add_probabilities(own.task.loss, Part(graph, own.task.loss.type, (own.classes,)), z)
        members.append(z if p is None else p)
    mean = part.node("Mean", *members)
    if model.combine == "mean":
        return part.node("Log", part.node("Max", mean, part.constant("least", LEAST)))
    over = {"axes": [1], "keepdims": 1}
    low, high = (part.node(operator, mean, attributes=over) for operator in ("ReduceMin", "ReduceMax"))
    span = part.node("Max", part.node("Sub", high, low), part.constant("least", LEAST))
    half = part.node("Mul", part.node("Div", part.node("Sub", mean, low), span), part.constant("half", 0.5))
    depth, values = part.constant("classes", np.array([model.classes])), part.constant("off, on", np.array([0.0, 1.0]))
    for p in members:
        first = part.node("ArgMax", p, attributes={"axis": 1, "keepdims": 0})
        half = part.node("Add", half, part.node("OneHot", first, depth, values))
    return part.node("Div", half, part.constant("members", float(len(members))))


MODELS: dict[type, Callable[[Plan, Graph, str], str]] = {
    Sequential: _network,
    LeastSquares: _least_squares,
    QuadraticDiscriminant: _quadratic_discriminant,
    SVM: _svm,
    Committee: _committee,
}


def add_model(plan: Plan, graph: Graph, x: str) -> str:
    """Add a model, which reads its inputs x, and return the name of its scores. Raises UsageError by its type."""
    model = plan.experiment.model
    kind = declared_as(type(model))
    if kind not in MODELS:
        raise UsageError(f"a model of type {model.type} cannot be written as ONNX; safetensors takes its parameters")
    return MODELS[kind](plan, graph, x)


def plans_inside(plan: Plan) -> list[Plan]:
    """Return the plans whose preprocessing is part of a model's graph: its own, and those of its members."""
    return [plan, *(member.trained.plan for member in getattr(plan.experiment.model, "joined", ()))]


def scores_shape(plan: Plan) -> Shape:
    """Return the shape of a model's scores for an example."""
    layers = list(plan.task.layers)
    return plan.experiment.model.shapes[layers[-1]] if layers else (plan.classes,)
