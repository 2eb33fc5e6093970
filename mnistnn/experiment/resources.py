"""The resources of a planned experiment: threads, BLAS's or our own, and compiled loops."""

from mnistnn.backend.machine import usable_cores
from mnistnn.backend.threads import suitable
from mnistnn.experiment.pace import Pace
from mnistnn.optim.rule import FUSED_ABOVE
from mnistnn.tasks.contract import Task

# What a loop saves of the update of one parameter, measured on one thread: 0.2 ns of plain descent; of rules that keep
# one vector like theta, 0.3 to 1.2 ns, and of those that keep two, 3 to 5: about as the square of all their vectors.
_LOOP_SAVES_S = 0.2e-9
_NUMBA_STARTS_S = 0.5


def by_blas(task: Task) -> bool:
    """Tell whether the threads are those of BLAS, or ours (`backend/threads.py`), by what the model consists of."""
    return not any(layer.is_multithreaded for layer in task.layers.values())


def threads_for(task: Task, examples_at_once: int) -> int:
    """Return the number of threads: as configured, or chosen by the size of a batch's matrix products."""
    experiment = task.experiment
    threads = experiment.backend.threads
    if threads != "auto":
        return threads
    # Spinning threads of BLAS would keep the thread that distorts images waiting.
    needed_beside = 1 if experiment.augment is not None and by_blas(task) else 0
    multiply_adds = examples_at_once * experiment.model.multiply_adds
    return suitable(multiply_adds, max(1, usable_cores() - needed_beside))


def needs_loops(task: Task, pace: Pace) -> bool:
    """Tell whether loops that Numba compiles save a whole run about as much time as Numba takes to start."""
    experiment = task.experiment
    augment, optimizer = experiment.augment, experiment.optimizer
    if augment is not None and augment.needs_loops(pace.examples_per_epoch):
        return True  # on the host, wherever the model is
    if experiment.backend.device != "cpu" or optimizer is None:
        return False
    saved_s, parameters = 0.0, experiment.model.size
    if parameters > FUSED_ABOVE:
        vectors = 1 + optimizer.bytes_kept(parameters, 1) / parameters
        saved_s += _LOOP_SAVES_S * parameters * vectors**2
    saved_s += pace.batch_size * sum(layer.multiply_adds * layer.loops_save_s for layer in task.layers.values())
    return saved_s > 0 and saved_s * pace.most_updates >= _NUMBA_STARTS_S
