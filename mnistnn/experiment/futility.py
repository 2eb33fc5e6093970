"""Training that cannot change anything, found when it begins: it would look like a model that does not learn."""

import math
from collections.abc import Iterator
from dataclasses import replace

from mnistnn.experiment.plan import Plan
from mnistnn.optim.contract import OptimizerContract, Progress
from mnistnn.training.learning import Learning
from mnistnn.training.loop import Training

_LOOKS = 50  # at the rates to come
_AHEAD = 50  # epochs that are looked at where no limit is known


def futile(plan: Plan, learning: Learning) -> Iterator[str]:
    """Yield why what is to come changes nothing, or nothing that it should, in a sentence each."""
    if not isinstance(learning, Training):
        return
    *before, last = plan.task.layers or [""]
    if last and plan.task.layers[last].type == "dropout":
        yield (
            f"the last layer, {last}, drops outputs of the model itself; "
            f"`before: {before[-1] if before else 'NAME'}` puts it in front of a layer"
        )
    progress = learning.progress
    left = plan.pace.most_updates - progress.updates
    if left > 0 and _is_still(learning.optimizer, progress, left):
        yield (
            f"the learning rate is 0 from here on (update {progress.updates + 1}): the model will not change; "
            "give optimizer.learning_rate a schedule that goes on, in a run of its own"
        )
    if plan.pace.examples_at_once == 1:
        for name, layer in plan.task.layers.items():
            if layer.needs_several_examples:
                yield f"layer {name} sees one example at a time (batches.size: 1), and makes the same of each"


def _is_still(optimizer: OptimizerContract, progress: Progress, left: float) -> bool:
    """Tell whether the rate is 0 at all updates to come, as far as they are looked at."""
    if not hasattr(optimizer, "learning_rate"):
        return False
    per_epoch = progress.batches_per_epoch
    last = progress.updates + int(left if math.isfinite(left) else _AHEAD * per_epoch) - 1
    step = max(1, (last - progress.updates) // _LOOKS)
    return all(
        optimizer.rate(replace(progress, updates=n, epoch=n // per_epoch, batch=n % per_epoch)) == 0.0
        for n in range(progress.updates, last + 1, step)
    )
