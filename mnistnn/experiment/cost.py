"""The cost of a planned experiment: arithmetic and memory, as far as they are known before it begins."""

from math import prod

from mnistnn.data.streamed import bytes_of_chunks
from mnistnn.experiment.plan import Plan
from mnistnn.tasks.contract import Part


def parts(plan: Plan) -> list[Part]:
    """Return what the model consists of, in order, with the numbers kept for the largest batch."""
    evaluated = min(plan.experiment.evaluation.batch_size, max(plan.examples.values()))
    return plan.task.parts(plan.pace.examples_at_once, evaluated, plan.threads)


def flops_per_epoch(plan: Plan) -> int:
    """Return multiplications and additions of an epoch's matrix products: forward, and twice as many backward, once for
    each update, which is the least that an optimizer does.
    """
    return 6 * plan.experiment.model.multiply_adds * plan.pace.examples_per_epoch * plan.experiment.batches.updates


def resident_bytes(plan: Plan) -> int:
    """Return the bytes of the arrays that live as long as training: digits, parameters with gradients and best, what
    the optimizer and the layers keep.
    """
    itemsize = 4 if plan.experiment.backend.dtype == "float32" else 8
    # A transform works in place unless it enlarges the images, so their memory is that of the largest stage.
    stages = [plan.in_shape, *(transform.out_shape for transform in plan.experiment.preprocess)]
    largest = max(map(prod, stages))
    pixels = sum(plan.examples[split] for split in ("train", "valid") if split not in plan.streamed) * largest
    kept = sum(part.kept for part in parts(plan))
    chunks = 0
    if "train" in plan.streamed:
        chunks = bytes_of_chunks(plan.pace.batch_size, plan.image_shape, largest, itemsize)
    optimizer = plan.experiment.optimizer
    of_optimizer = 0 if optimizer is None else optimizer.bytes_kept(plan.parameters, itemsize)
    return itemsize * (pixels + 3 * plan.parameters + kept) + of_optimizer + chunks
