"""ONNX: the model with its preprocessing, as a program that other runtimes execute.

It reads pixels as image files have them, 0 to 255, bright digits on a dark ground, and divides them itself as the
experiment does; so nobody need know the scale that the model was trained with. A model of float64 is written in
float32: not every runtime convolves or pools doubles.
"""

from mnistnn.analysis.export.onnx_check import checked
from mnistnn.analysis.export.onnx_graph import Graph, Part
from mnistnn.analysis.export.onnx_inputs import add_transforms, refuse_what_has_no_nodes
from mnistnn.analysis.export.onnx_models import add_model, plans_inside, scores_shape
from mnistnn.analysis.export.onnx_outputs import add_probabilities
from mnistnn.analysis.export.source import Model, Product, Source, read_model
from mnistnn.errors import UsageError
from mnistnn.types import Shape

PIXELS, INPUTS, SCORES, PROBABILITIES = "pixels", "inputs", "scores", "probabilities"
_MAX_NUMBERS = 500_000_000  # of 4 bytes: protobuf ends at 2 GiB


def as_onnx(source: Source) -> Product:
    """Return the file, whose outputs ONNX Runtime has computed and found to be those of mnistnn.

    Raises UsageError for preprocessing that cannot be written, CheckFailedError if the outputs differ.
    """
    model = read_model(source)
    for number, plan in enumerate(plans_inside(model.plan)):
        if number or not source.without_preprocess:
            refuse_what_has_no_nodes(plan, number)
    if model.plan.parameters > _MAX_NUMBERS:
        raise UsageError("the model is too large for ONNX, whose files end at 2 GB; safetensors takes it")
    content = encoded(model, source.without_preprocess)
    return Product(content, checked(content, model.plan, source.without_preprocess))


def encoded(model: Model, without_preprocess: bool) -> bytes:
    """Return the content of the file; the model begins at its own inputs, or at the pixels."""
    plan, graph = model.plan, Graph()
    experiment = plan.experiment
    if without_preprocess:
        name, shape = INPUTS, plan.preprocessing.out_shape
        doc = f"float32 images, divided by {experiment.data.scale} and preprocessed as in the run"
        x = name
    else:
        name, shape = PIXELS, plan.image_shape
        doc = "float32 images of 0 to 255, bright digits on a dark ground (0)"
        x = _preprocessed(model, graph)
    z = graph.node(SCORES, "Identity", [add_model(plan, graph, x)])
    out_shape = scores_shape(plan)
    outputs: dict[str, tuple[Shape, str]] = {SCORES: (out_shape, "outputs of the model")}
    p = add_probabilities(plan.task.loss, Part(graph, plan.task.loss.type, out_shape), z)
    if p is not None:
        graph.node(PROBABILITIES, "Identity", [p])
        outputs[PROBABILITIES] = ((plan.classes,), "of each class, as the loss defines them")
    about = {**model.about(), "input": doc, "loss": plan.task.loss.type, "output": "; ".join(_said(outputs))}
    return graph.encoded({name: (shape, doc)}, outputs, about)


def _said(ends: dict[str, tuple[Shape, str]]) -> list[str]:
    return [f"{name}: {doc}" for name, (_, doc) in ends.items()]


def _preprocessed(model: Model, graph: Graph) -> str:
    """Add what turns pixels into inputs of the model, and return the name of these."""
    plan = model.plan
    scale = Part(graph, "scale", plan.image_shape)
    x = scale.node("Div", PIXELS, scale.constant("white", float(plan.experiment.data.scale)))
    return add_transforms(plan, graph, x)
