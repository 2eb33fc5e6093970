"""Where the time of a step goes: what each layer takes forward and backward, the loss, the penalties, the update."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import OptimizerContract

_GRADIENT, _STEP = "loss and gradient", "step"


def parts_of(
    objective: Objective, optimizer: OptimizerContract, step: Callable[[], object], count: int
) -> dict[str, float]:
    """Return the seconds of each part of a step, as medians over `count` steps. What is left is `other`.

    A step that is compiled as a whole has no parts.
    """
    layers = objective.model.layers.items()
    watched = [(layer, method, f"{name} {method}") for name, layer in layers for method in ("forward", "backward")]
    watched += [(objective.loss, "value_and_dz", "loss")]
    watched += [(penalty, "add_gradient", "penalties") for penalty in objective.smooth]
    with _stopwatch([*watched, (objective, "loss_and_grad", _GRADIENT), (optimizer, "step", _STEP)]) as seconds:
        for _ in range(count):
            step()
    medians = {name: statistics.median(found) for name, found in seconds.items() if found}
    if _STEP not in medians:  # compiled as a whole
        return {}
    whole, gradient = medians.pop(_STEP), medians.pop(_GRADIENT)
    accounted = sum(medians.values())
    return medians | {"update": whole - gradient, "other": max(0.0, gradient - accounted)}


@contextmanager
def _stopwatch(watched: list[tuple[Any, str, str]]) -> Iterator[dict[str, list[float]]]:
    """Note the seconds of each call of each (owner, method, name), under its name; then leave things as they were."""
    seconds: dict[str, list[float]] = {name: [] for _, _, name in watched}

    def watching(method: Callable[..., Any], noted: list[float]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            result = method(*arguments, **options)
            noted.append(time.perf_counter() - began)
            return result

        return call

    for owner, method, name in watched:
        setattr(owner, method, watching(getattr(owner, method), seconds[name]))
    try:
        yield seconds
    finally:
        for owner, method, _ in watched:
            delattr(owner, method)
