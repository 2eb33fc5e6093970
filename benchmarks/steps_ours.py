"""A training step of mnistnn; `ours-numpy` is without the loops that Numba compiles, `ours-single` with one thread,
`ours-all` with one on each core whatever that brings. On a GPU, with CuPy.
"""

import atexit
from contextlib import ExitStack

import numpy as np

from benchmarks.contender import Prepared, examples
from benchmarks.parts import parts_of
from benchmarks.workloads import Workload
from mnistnn.backend import jit, threads
from mnistnn.backend.arrays import module_for, synchronize
from mnistnn.backend.pieces import CUT_FROM
from mnistnn.backend.worker_choice import WorkerChoice
from mnistnn.experiment.resources import SMALL
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.gru import GRU
from mnistnn.layers.lstm import LSTM
from mnistnn.losses.penalties import L2
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.momentum import Momentum
from mnistnn.optim.rule import FUSED_ABOVE
from mnistnn.optim.sgd import SGD
from mnistnn.training.steps import steps_for

for_life = ExitStack()  # A context that nobody holds is left at once.
atexit.register(for_life.close)


def prepare(kind: str, workload: Workload, count: int, device: str) -> Prepared:
    xp = module_for(device)
    model = _model(workload)
    loss, shape = SoftmaxNLL(), examples(workload)
    loss.build(model.build(shape[1:]), 10)
    has_loops = workload.is_convolutional or workload.is_recurrent or model.size > FUSED_ABOVE
    has_loops |= workload.batch <= SMALL  # loops of the loss
    is_cut = workload.batch * model.multiply_adds >= CUT_FROM[0]
    wanted = kind != "ours-numpy" and (has_loops or is_cut)  # as by a run that is long enough
    for_life.enter_context(jit.Compiled(wanted).in_use())
    count = 1 if kind == "ours-single" else count
    choice = WorkerChoice(for_life.enter_context(threads.allowed(count)))
    model.allocate(xp, "float32")
    model.initialize(0)
    penalties = [L2(strength=workload.l2)] if workload.l2 else []
    for penalty in penalties:
        penalty.build(model.slots)
    objective = Objective(model, loss, penalties)
    optimizer = _optimizer(workload)
    optimizer.allocate(objective.theta, objective.grad)
    steps = steps_for(objective, optimizer)
    rng, progress = np.random.default_rng(0), Progress()
    x, labels = xp.asarray(rng.random(shape, dtype=np.float32)), xp.asarray(rng.integers(10, size=workload.batch))

    def fixed_step() -> None:
        steps.take(x, labels, progress)
        progress.updates += 1

    def chosen_step() -> None:
        choice.begin()
        fixed_step()
        choice.end(len(x))

    choice.workers.taking_part = count
    step = fixed_step if kind in ("ours-single", "ours-all") else chosen_step

    if device == "cuda":
        return Prepared(f"CuPy {xp.__version__}", 1, step, lambda: synchronize(x))
    return Prepared(
        f"NumPy {np.__version__}", count, step, parts=lambda steps: parts_of(objective, optimizer, step, steps)
    )


def _optimizer(workload: Workload) -> Momentum | SGD:
    if workload.momentum:
        return Momentum(learning_rate=0.01, momentum=workload.momentum)
    return SGD(learning_rate=0.01)


def _model(workload: Workload) -> Sequential:
    f = workload.activation
    if workload.is_convolutional:
        layers = {
            "conv1": Conv(maps=20, kernel=5, pool=2, activation=f),
            "conv2": Conv(maps=50, kernel=5, pool=2, activation=f),
            "hidden": Dense(units=500, activation=f),
            "output": Dense(units=10),
        }
    elif workload.is_recurrent:
        kind = {"lstm": LSTM, "gru": GRU}[workload.cell]
        layers = {"memory": kind(units=workload.sizes[1]), "output": Dense(units=workload.sizes[2])}
    else:
        *hidden, last = workload.sizes[1:]
        layers = {
            name: Dense(units=units, activation=f) for name, units in zip(workload.layer_names, hidden, strict=False)
        }
        layers["output"] = Dense(units=last)
    return Sequential(layers=layers)
