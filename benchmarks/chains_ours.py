"""An update of a restricted Boltzmann machine of mnistnn, with what it watches meanwhile."""

import numpy as np

from benchmarks.contender import Prepared, examples
from benchmarks.steps_ours import for_life
from benchmarks.workloads import Workload
from mnistnn.backend import jit, threads
from mnistnn.backend.worker_choice import WorkerChoice
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.models.rbm import RBM
from mnistnn.objectives.contrastive_divergence import RBMObjective
from mnistnn.optim.contract import Progress
from mnistnn.optim.sgd import SGD
from mnistnn.training.steps import steps_for


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    for_life.enter_context(jit.Compiled(wanted=True).in_use())
    model = RBM(hidden=workload.sizes[1])
    model.build(workload.sizes[:1])
    choice = WorkerChoice(for_life.enter_context(threads.allowed(count)))
    model.allocate(np, "float32")
    model.initialize(0)
    loss = ContrastiveDivergence(steps=workload.gibbs, particles=workload.particles or None)
    objective = RBMObjective(model, loss, [], seed=0, updates_per_epoch=1)
    optimizer = SGD(learning_rate=0.01)
    optimizer.allocate(objective.theta, objective.grad)
    steps, progress = steps_for(objective, optimizer), Progress()
    rng = np.random.default_rng(0)
    x, labels = rng.random(examples(workload), dtype=np.float32), np.zeros(workload.batch, dtype=np.int64)

    def step() -> None:
        choice.begin()
        steps.take(x, labels, progress)
        choice.end(len(x))
        progress.updates += 1

    return Prepared(f"NumPy {np.__version__}", count, step)
