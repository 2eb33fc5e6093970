"""Each type of model as ONNX nodes that read its inputs x (n, *in_shape) and give its scores (n, outputs)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnistnn.analysis.export.onnx_graph import Graph, Part
from mnistnn.analysis.export.onnx_inputs import add_transforms
from mnistnn.analysis.export.onnx_layers import add_layers
from mnistnn.analysis.export.onnx_outputs import add_probabilities
from mnistnn.errors import UsageError
from mnistnn.experiment.plan import Plan
from mnistnn.models.fitted.committee import LEAST, Committee
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.pairs import LIMIT
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
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
    signs = np.zeros((len(model.pairs), model.classes))
    for number, (i, j) in enumerate(model.pairs):
        signs[number, i], signs[number, j] = 1.0, -1.0
    of_classes = part.constant("signs", signs)
    if model.combine == "sum":
        return part.node("MatMul", outputs, of_classes)
    limited = part.node("Clip", outputs, part.constant("low", -LIMIT), part.constant("high", LIMIT))
    scores = part.node("MatMul", limited, of_classes)
    if model.combine == "limited":
        return scores
    # Of its k − 1 pairs a class wins (Σ ±1 + k − 1) / 2.
    wins = part.node("Cast", part.node("Greater", outputs, part.constant("zero", 0.0)), attributes={"to": 1})
    plus_minus = part.node("Sub", part.node("Mul", wins, part.constant("two", 2.0)), part.constant("one", 1.0))
    rest = float(model.classes - 1)
    votes = part.node("Add", part.node("MatMul", plus_minus, of_classes), part.constant("rest", rest))
    halves = part.node("Div", votes, part.constant("two", 2.0))
    ties = part.node("Div", scores, part.constant("share", 2.0 * LIMIT * model.classes))
    return part.node("Div", part.node("Add", halves, ties), part.constant("pairs", rest))


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
    Committee: _committee,
}


def add_model(plan: Plan, graph: Graph, x: str) -> str:
    """Add a model, which reads its inputs x, and return the name of its scores. Raises UsageError by its type."""
    model = plan.experiment.model
    if type(model) not in MODELS:
        raise UsageError(f"a model of type {model.type} cannot be written as ONNX; safetensors takes its parameters")
    return MODELS[type(model)](plan, graph, x)


def plans_inside(plan: Plan) -> list[Plan]:
    """Return the plans whose preprocessing is part of a model's graph: its own, and those of its members."""
    return [plan, *(member.trained.plan for member in getattr(plan.experiment.model, "joined", ()))]


def scores_shape(plan: Plan) -> Shape:
    """Return the shape of a model's scores for an example."""
    layers = list(plan.task.layers)
    return plan.experiment.model.shapes[layers[-1]] if layers else (plan.classes,)
