"""What an experiment consists of: layers with shapes, parameters, memory and cost, as data and as a table."""

from dataclasses import dataclass

from mnistnn.experiment import Plan
from mnistnn.shapes import Shape, show_shape


@dataclass(frozen=True)
class LayerRow:
    """One layer: output shape of an example, number of parameters."""

    name: str
    type: str
    out_shape: Shape
    parameters: int


def layer_rows(plan: Plan) -> list[LayerRow]:
    """Return one row per layer, in order."""
    model = plan.experiment.model
    sizes = dict.fromkeys(model.layers, 0)
    for slot in model.slots:
        sizes[slot.name.split(".")[0]] += slot.stop - slot.start
    return [LayerRow(name, layer.type, model.shapes[name], sizes[name]) for name, layer in model.layers.items()]


def plan_lines(plan: Plan) -> list[str]:
    """Return the table for people: layers, totals, examples, what an epoch costs."""
    rows = [
        ("layer", "type", "output", "parameters"),
        ("input", "", show_shape(plan.info.image_shape), ""),
        *((f"preprocess.{n}", t.type, show_shape(t.out_shape), "") for n, t in enumerate(plan.experiment.preprocess)),
        *((r.name, r.type, show_shape(r.out_shape), f"{r.parameters:,}") for r in layer_rows(plan)),
        ("total", "", "", f"{plan.parameters:,}"),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in rows]
    examples = plan.examples
    fitting = "at most: preprocess is yet to be fitted, on the training split, and may drop dimensions"
    augment = plan.experiment.augment
    at_most = "" if plan.knows_counts else "at most "
    return [
        *table,
        *([] if plan.preprocessing.is_settled else [fitting]),
        *([] if augment is None else [f"augment, of training images only: {augment.said()}"]),
        f"examples: {at_most}{examples['train']:,} train, {examples['valid']:,} valid, {examples['test']:,} test",
        f"per epoch: {at_most}{plan.updates_per_epoch:,} updates of {plan.batch_size:,} examples, "
        f"{plan.flops_per_epoch / 1e9:,.1f} GFLOP in matrix products, {plan.threads} BLAS thread(s)",
        f"memory for digits, parameters and outputs: {plan.resident_bytes / 2**20:,.0f} MiB",
    ]
