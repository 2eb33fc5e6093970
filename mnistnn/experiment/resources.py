"""What a planned experiment is computed with: threads, whose they are, and compiled loops."""

from mnistnn.backend.machine import usable_cores
from mnistnn.backend.threads import suitable
from mnistnn.optim.rule import FUSED_ABOVE
from mnistnn.tasks.contract import Task


def by_blas(task: Task) -> bool:
    """Tell whether the threads are those of BLAS, or ours (`backend/threads.py`), by what the model consists of."""
    return not any(layer.comes_in_pieces for layer in task.layers.values())


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


def needs_loops(task: Task, examples_at_once: int) -> bool:
    """Tell whether a run is large enough for loops that Numba compiles, and computed where they are of use."""
    experiment = task.experiment
    work = 0 if by_blas(task) else examples_at_once * experiment.model.multiply_adds
    is_large = experiment.model.size > FUSED_ABOVE or suitable(work, 2) > 1
    return is_large and experiment.backend.device == "cpu"
