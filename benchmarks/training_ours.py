"""An experiment trained batch after batch, as `train` does; `ours-plain` is without its distortions.

Batches are made ahead by a thread, so steps are timed together.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from benchmarks.contender import Prepared
from benchmarks.measure import ROOT
from benchmarks.steps_ours import for_life
from benchmarks.workloads import Workload
from mnistnn.backend import jit, threads
from mnistnn.backend.worker_choice import WorkerChoice
from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.training.loop import BatchSource
from mnistnn.types import Array


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    overrides = ["augment=null"] if kind == "ours-plain" else []
    plan = Plan(load_experiment(ROOT / workload.experiment, overrides))
    for_life.enter_context(jit.Compiled(plan.needs_loops).in_use())
    choice = WorkerChoice(for_life.enter_context(threads.allowed(plan.threads)))
    training = plan.training()
    objective, progress, batches = training.objective, training.progress, _without_end(training.batches)

    def step() -> None:
        x, labels = next(batches)
        choice.begin()
        objective.set_batch(x, labels, progress.updates)
        training.optimizer.step(objective, progress)
        objective.project(training.optimizer.rate(progress))
        choice.end(len(x))
        progress.updates += 1

    return Prepared(f"NumPy {np.__version__}", plan.threads, step, finish=lambda: None)


def _without_end(source: BatchSource) -> Iterator[tuple[Array, Array]]:
    for epoch in itertools.count(1):
        yield from source.of_epoch(epoch)
