"""The checkpoints of a run, and best.json: digests, and whether they are those of this experiment and its metrics."""

from functools import partial
from pathlib import Path

import numpy as np

from mnistnn.analysis.verification.inventory import Inventory
from mnistnn.analysis.verification.report import Findings
from mnistnn.config.load import LoadedExperiment, overridden
from mnistnn.config.schema import AnyExperiment
from mnistnn.errors import LackingCodeError, MnistnnError, RunError
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import load_member
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.checkpoint import Checkpoint
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord
from mnistnn.run.state import SavedState
from mnistnn.storage.reading import MAX_JSON_BYTES, read_own_file
from mnistnn.storage.sealed_json import VERSION
from mnistnn.tasks.contract import Task
from mnistnn.training.loop import saved_arrays
from mnistnn.types import BEST, VALUES

_FOLDER = "checkpoints"
# Of each flat vector by its name: shape and data type.
_Forms = dict[str, tuple[tuple[int, ...], str]]
_Layout = list[tuple[str, list[int]]]


def check_checkpoints(
    run: RunDirectory,
    inventory: Inventory,
    record: RunRecord | None,
    loaded: LoadedExperiment | None,
    findings: Findings,
) -> dict[str, SavedState]:
    """Check every checkpoint by itself, and that none is missing; return the states of those that verify, newest first.

    Only one is in memory at a time. They are compared with the model if the experiment is `loaded`.
    """
    states: dict[str, SavedState] = {}
    model = None if loaded is None else _Expectation(run, loaded, findings)
    present = [path for path in checkpoints.newest_first(run.path / _FOLDER) if _name(path) in inventory.files]
    for path in present:
        try:
            saved = checkpoints.read(path)
        except RunError as error:
            findings.problem(_name(path), error)
            continue
        states[path.name] = saved.state
        _check_one(path, saved, record, findings)
        if model is not None:
            model.check(path, saved)
        findings.ok(_name(path), f"update {saved.state.progress.updates}")
    for name in inventory.names_in(_FOLDER):
        if name not in {path.name for path in present} and name != "best.json":
            findings.note(f"{_FOLDER}/{name}", "no part of the run")
    if states:
        _check_kept(run, next(iter(states.values())), {path.name for path in present}, findings)
    return states


def check_number(
    inventory: Inventory,
    states: dict[str, SavedState],
    experiment: AnyExperiment,
    record: RunRecord,
    findings: Findings,
) -> None:
    """Check that as many checkpoints are there as a run that was never resumed must have kept. Of a model that is
    fitted these are the first and the last: rounds of less than a second are saved together.
    """
    if not states or record.resumed:
        return
    epochs, policy = next(iter(states.values())).progress.epoch, experiment.checkpoint
    saved = min(epochs, 1) if experiment.optimizer is None else epochs // policy.every_epochs
    least = min(policy.keep_last, 1 + saved)
    present = [name for name in inventory.names_in(_FOLDER) if name.endswith(".safetensors")]
    if len(present) < least:
        findings.problem(_FOLDER, f"{len(present)} checkpoints, but at least {least} should be there")


def check_best(
    run: RunDirectory, inventory: Inventory, states: dict[str, SavedState], is_settled: bool, findings: Findings
) -> None:
    """Check that best.json names a checkpoint that is there, and says what it says; of a settled run, the newest."""
    file = f"{_FOLDER}/best.json"
    newest = next(iter(states), None)
    if file not in inventory.files and (not is_settled or newest is None or states[newest].best is None):
        return
    if not inventory.has(file):
        return
    try:
        path = checkpoints.best_path(run.checkpoints)
        note = checkpoints.parse_best(read_own_file(path, MAX_JSON_BYTES), str(path))
        note.pop(VERSION, None)
    except RunError as error:
        findings.problem(file, error)
        return
    name = note.pop("checkpoint", None)
    if not isinstance(name, str) or f"{_FOLDER}/{name}" not in inventory.files:
        findings.problem(file, f"names the checkpoint {str(name)[:80]!r}, which is not there")
    elif name in states:
        if note.pop("tensor", None) != BEST or note.pop("monitor", None) is None or note != states[name].best:
            findings.problem(file, f"is not what {name} says about the best evaluation")
        if is_settled and name != newest:
            findings.problem(file, f"names {name}, but the newest checkpoint is {newest}")
    findings.ok(file)


def _check_one(path: Path, saved: Checkpoint, record: RunRecord | None, findings: Findings) -> None:
    state, file = saved.state, _name(path)
    if checkpoints.updates_of(path) != state.progress.updates:
        findings.problem(file, f"holds the state after update {state.progress.updates}")
    # A resume may change the configuration; what was saved before keeps the old digest.
    if record is not None and not record.resumed and state.config_hash != record.config_hash:
        findings.problem(file, "was saved under another configuration than that of run.json")
    for name in (VALUES, BEST):
        values = saved.tensors.get(name)
        if values is not None and not np.isfinite(values).all():
            findings.problem(file, f"the values of {name} are not all finite numbers")


def _check_kept(run: RunDirectory, newest: SavedState, present: set[str], findings: Findings) -> None:
    for updates in newest.kept:
        path = checkpoints.path_for(run.path / _FOLDER, updates)
        if path.name not in present and not findings.speaks_against(_name(path)):
            findings.problem(_name(path), "missing, although it is to be kept for good")


class _Expectation:
    """The expected content of the checkpoints of a run, which follows from its configuration."""

    def __init__(self, run: RunDirectory, loaded: LoadedExperiment, findings: Findings) -> None:
        self._findings = findings
        self._plan: Plan | None = None
        self._forms: _Forms | None = None
        try:
            # Arrays have the same shapes everywhere, and here they are only described.
            self._plan = plan = Plan(overridden(loaded, ["backend.device=cpu"]), run)
            if plan.members:
                plan.task.find_members_by(partial(load_member, run, device="cpu"))
        except LackingCodeError as error:
            findings.note(_FOLDER, f"not compared with the model, which was not built: {error}")
        except RunError as error:
            findings.problem("preprocess", error)
        except MnistnnError as error:
            line = str(error).removeprefix("error: ").splitlines()[0]
            findings.note(_FOLDER, f"not compared with the model, which cannot be built here: {line}")

    def check(self, path: Path, saved: Checkpoint) -> None:
        """Compare names, shapes and data types of a checkpoint's arrays."""
        if self._plan is None:
            return
        if self._plan.task.rounds is not None:
            self._check_fitted(self._plan.task, path, saved)
            return
        model = self._plan.task.flat
        layout: _Layout = [(name, list(shape)) for name, shape in saved.state.layout]
        if layout != model.layout:
            self._findings.problem(_name(path), "its layout is not that of the model in config.yaml")
            return
        # Only now: the file is as large as the model, so building that cannot take more memory than there is.
        found: _Forms = {name: (array.shape, str(array.dtype)) for name, array in saved.tensors.items()}
        if found.get(VALUES, ((), ""))[0] != (_size(model.layout),):
            self._findings.problem(_name(path), "its parameters are not as many as those of the model in config.yaml")
            return
        if self._forms is None:
            self._forms = _forms(self._plan)
        for name in sorted({**self._forms, **found}):
            if self._forms.get(name) != found.get(name):
                self._findings.problem(
                    _name(path),
                    f"its array {name[:80]!r} is {found.get(name, 'missing')}, "
                    f"expected {self._forms.get(name, 'none of this name')}",
                )

    def _check_fitted(self, task: Task, path: Path, saved: Checkpoint) -> None:
        """Let the model take the arrays: their shapes are its own business."""
        layout: _Layout = [(name, list(shape)) for name, shape in saved.state.layout]
        found = [(name, list(array.shape)) for name, array in saved.tensors.items()]
        task.allocate(np)
        try:
            fits = task.restore(saved.tensors, saved.state.layout, None)
        except MnistnnError as error:  # a member is damaged
            self._findings.problem(_name(path), str(error).removeprefix("error: ").splitlines()[0])
            return
        if sorted(layout) != sorted(found) or not fits:
            self._findings.problem(_name(path), "its arrays are not those of the model in config.yaml")
        elif task.rounds_done != (updates := saved.state.progress.updates):
            what = f"its model has {task.rounds_done} rounds, and {updates} updates are counted"
            self._findings.problem(_name(path), what)
        for name, array in saved.tensors.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                self._findings.problem(_name(path), f"the values of {name[:80]} are not all finite numbers")


def _forms(plan: Plan) -> _Forms:
    experiment, model = plan.experiment, plan.task.flat
    assert experiment.optimizer is not None  # as every model that is trained by steps has one
    model.allocate(np, experiment.backend.dtype)
    experiment.optimizer.allocate(model.theta, model.grad)
    if experiment.averaging is not None:
        experiment.averaging.allocate(model.theta)
    arrays = saved_arrays(model.values, model.values, experiment.averaging, experiment.optimizer, plan.remembered())
    return {name: (array.shape, str(array.dtype)) for name, array in arrays.items()}


def _size(layout: _Layout) -> int:
    return sum(int(np.prod(shape)) for _, shape in layout)


def _name(path: Path) -> str:
    return f"{_FOLDER}/{path.name}"
