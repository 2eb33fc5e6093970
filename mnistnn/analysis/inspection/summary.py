"""The summary of an experiment: layers with shapes, parameters, memory and cost, as data and as a table."""

from dataclasses import dataclass
from math import prod

import numpy as np

from mnistnn.experiment import cost
from mnistnn.experiment.plan import Plan
from mnistnn.types import Shape, show_shape


@dataclass(frozen=True)
class LayerRow:
    """One layer: output shape of an example, number of parameters, bytes kept beside them, at most."""

    name: str
    type: str
    out_shape: Shape
    parameters: int
    kept_bytes: int


def layer_rows(plan: Plan) -> list[LayerRow]:
    """Return one row per layer, or other part, in order."""
    itemsize = np.dtype(plan.experiment.backend.dtype).itemsize
    return [
        LayerRow(part.name, part.type, part.out_shape, part.parameters, itemsize * part.kept)
        for part in cost.parts(plan)
    ]


def plan_lines(plan: Plan) -> list[str]:
    """Return the table for people: layers, totals, examples, what an epoch costs."""
    layers, transforms = layer_rows(plan), enumerate(plan.experiment.preprocess)
    rows = [
        ("layer", "type", "output", "parameters", "keeps"),
        ("input", "", show_shape(plan.in_shape), "", ""),
        *((f"preprocess.{n}", t.type, show_shape(t.out_shape), "", "") for n, t in transforms),
        *((r.name, r.type, show_shape(r.out_shape), f"{r.parameters:,}", _mebibytes(r.kept_bytes)) for r in layers),
        ("total", "", "", f"{plan.parameters:,}", _mebibytes(sum(r.kept_bytes for r in layers))),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    aligned = "<<<>>"
    table = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, aligned, widths, strict=True)).rstrip()
        for row in rows
    ]
    examples = plan.examples
    fitting = "at most: preprocess is yet to be fitted, on the training split, and may drop dimensions"
    augment = plan.experiment.augment
    at_most = "" if plan.pace.is_known else "at most "
    return [
        *table,
        *([] if plan.preprocessing.is_settled else [fitting]),
        *([] if augment is None else [f"augment, of training images only: {augment.said()}"]),
        f"examples: {at_most}{examples['train']:,} train, {examples['valid']:,} valid, {examples['test']:,} test",
        *_streaming(plan),
        _pace(plan),
        *(_phase_line(phase) for phase in plan.phases),
        *(_member_line(number, member) for number, member in enumerate(plan.members, start=1)),
        f"memory for digits, parameters, and what optimizer and layers keep: {_mebibytes(cost.resident_bytes(plan))}",
    ]


def _pace(plan: Plan) -> str:
    """Say how much is done at a time."""
    optimizer = plan.experiment.optimizer
    if optimizer is None:
        return f"fitted, not trained by steps: {plan.task.rounds:,} round(s), up to {plan.threads} thread(s)"
    at_most = "" if plan.pace.is_known else "at most "
    each = " for each pass that they make" if "passes" in optimizer.gives else ""
    return (
        f"per epoch: {at_most}{plan.pace.updates_per_epoch:,} updates of {plan.pace.batch_size:,} examples, "
        f"{cost.flops_per_epoch(plan) / 1e9:,.1f} GFLOP in matrix products{each}, up to {plan.threads} thread(s)"
    )


def _phase_line(phase: Plan) -> str:
    model = phase.experiment.model
    visible, hidden = (prod(model.shapes[side]) for side in ("visible", "hidden"))
    return (
        f"before, {phase.experiment.name}: {model.type} of {visible:,} visible and {hidden:,} hidden units, "
        f"{phase.pace.updates_per_epoch:,} updates per epoch, up to {phase.threads} thread(s)"
    )


def _member_line(number: int, member: Plan) -> str:
    pace = _pace(member)
    return f"member {number}, {member.experiment.name}: {member.parameters:,} parameters, {pace}"


def _streaming(plan: Plan) -> list[str]:
    """Say which splits are not taken into memory, if there are any."""
    if not plan.streamed:
        return []
    splits = ", ".join(split for split in plan.examples if split in plan.streamed)
    return [f"read from the disk in chunks, since larger than data.stream_above_mb: {splits}"]


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
