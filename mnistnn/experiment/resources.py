"""The resources of a planned experiment: threads and compiled loops."""

from mnistnn.backend.machine import usable_cores
from mnistnn.backend.pieces import CUT_FROM
from mnistnn.config.schema import AnyExperiment
from mnistnn.experiment.pace import Pace
from mnistnn.losses.compiled import loops_save_s
from mnistnn.optim.rule import FUSED_ABOVE
from mnistnn.tasks.contract import Task

# What a loop saves of the update of one parameter, measured on one thread: 0.2 ns of plain descent; of rules that keep
# one vector like theta, 0.3 to 1.2 ns, and of those that keep two, 3 to 5: about as the square of all their vectors.
_LOOP_SAVES_S = 0.2e-9
# What compiled code saves of handing over one product that is cut (`backend/handover.py`).
_HANDOVER_SAVES_S = 30e-6
_PRODUCTS = 3  # of a layer: one forward, two backward
_STEP_SAVES_S = 15e-6  # what loops save of a step on a small batch where there is nothing but one layer and its loss
SMALL = 256  # examples
_NUMBA_STARTS_S = 0.5


def threads_for(experiment: AnyExperiment) -> int:
    """Return the most threads that may be used: as configured, or all cores."""
    threads = experiment.backend.threads
    return usable_cores() if threads == "auto" else threads


def needs_loops(task: Task, pace: Pace) -> bool:
    """Tell whether loops that Numba compiles save a whole run about as much time as Numba takes to start."""
    experiment = task.experiment
    augment, optimizer = experiment.augment, experiment.optimizer
    if augment is not None and augment.needs_loops(pace.examples_per_epoch):
        return True  # on the host, wherever the model is
    if task.needs_loops:
        return True
    if experiment.backend.device != "cpu" or optimizer is None:
        return False
    saved_s, parameters = 0.0, experiment.model.size
    if parameters > FUSED_ABOVE:
        vectors = 1 + optimizer.bytes_kept(parameters, 1) / parameters
        saved_s += _LOOP_SAVES_S * parameters * vectors**2
    if threads_for(experiment) > 1:
        products = [pace.examples_at_once * layer.multiply_adds for layer in task.layers.values()]
        saved_s += _HANDOVER_SAVES_S * _PRODUCTS * sum(product >= CUT_FROM[0] for product in products)
    if pace.examples_at_once <= SMALL and (loss_saves_s := loops_save_s(experiment.loss)):
        saved_s += _STEP_SAVES_S if len(task.layers) == 1 else loss_saves_s
    saved_s += pace.batch_size * sum(layer.multiply_adds * layer.loops_save_s for layer in task.layers.values())
    return saved_s > 0 and saved_s * pace.most_updates >= _NUMBA_STARTS_S
