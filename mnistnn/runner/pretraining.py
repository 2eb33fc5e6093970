"""Greedy layer-wise pretraining: the phases of an experiment, one after the other, inside of its run.

<run>/pretrain/<number>-<layer>/             a run like any other, of an RBM or an autoencoder
<run>/pretrain/<number>-<layer>.safetensors  what it has learned, as the next phase and the model's layer take it

A phase that has its file is done. One that was cut off goes on from its own checkpoints. The model takes what was
learned only while it has no checkpoint of its own.
"""

from collections.abc import Callable
from pathlib import Path

from mnistnn.backend.arrays import array_module
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.pretraining import FOLDER, Phase, Tensors, phases_of
from mnistnn.experiment.trained import load_trained
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.storage.inside import folder_in

_KIND = "features"


def pretrain(
    plan: Plan, run: RunDirectory, start: Callable[[Plan, Path], object], resume: Callable[[RunDirectory], object]
) -> None:
    """Do what is left of the phases of `run`, and let the layers of its model, which is allocated, begin with them.

    start   trains a plan in a new run at a path
    resume  goes on with a run
    """
    learned: list[Tensors] = []
    if plan.phases:
        transforms.furnish(folder_in(run.path, FOLDER))
    for phase in phases_of(plan.experiment):
        file = phase.features_in(run)
        if not file.exists():
            _learn(plan, phase, run, learned, start, resume)
            transforms.write(file, _KIND, _features(phase, run))
        learned.append(transforms.read(file, _KIND))
        _take(plan, phase, learned[-1])


def _learn(
    plan: Plan,
    phase: Phase,
    run: RunDirectory,
    below: list[Tensors],
    start: Callable[[Plan, Path], object],
    resume: Callable[[RunDirectory], object],
) -> None:
    """Train the model of a phase to its end; `below` are the features of those before it."""
    own = phase.run_in(run)
    if not own.record.exists():
        first = len(plan.experiment.preprocess)
        start(Plan(phase.experiment(plan.loaded), restored=dict(enumerate(below, first))), own.path)
    elif read_record(own).status != "finished":
        resume(own)


def _features(phase: Phase, run: RunDirectory) -> Tensors:
    """Return what a finished phase has learned."""
    return load_trained(phase.run_in(run)).plan.task.features()


def _take(plan: Plan, phase: Phase, learned: Tensors) -> None:
    """Give a layer the weights and the biases of the hidden units of a phase."""
    model = plan.task.flat
    views = model.views(model.values)
    for name, array in learned.items():
        value = views[f"{phase.layer}.{name}"]
        value[...] = array_module(value).asarray(array)
