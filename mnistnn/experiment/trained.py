"""A run's model with the parameters of one of its checkpoints, ready to be asked."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mnistnn.backend import threads
from mnistnn.backend.arrays import array_module
from mnistnn.errors import RunError
from mnistnn.experiment.plan import Plan
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.checkpoint import BEST, VALUES, Checkpoint
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record


@dataclass(frozen=True)
class Trained:
    """A plan whose model holds trained parameters.

    label        best, last or a file name
    epoch        the last one completed with these parameters
    threads      how many the run was trained with: last bits depend on it
    passed_over  what was wrong with newer checkpoints than the one used
    """

    plan: Plan
    label: str
    file: str
    epoch: float
    threads: int
    passed_over: list[str]

    def computing(self) -> AbstractContextManager[None]:
        """Allow the threads of the run to whatever asks the model meanwhile."""
        return threads.allowed(self.threads, self.plan.by_blas)


def load_trained(run: RunDirectory, which: str = "best", overrides: Sequence[str] = ()) -> Trained:
    """Load a run's model from its best or last parameters, or from a checkpoint file given by its path.

    Best and last are taken from the newest checkpoint that verifies; a path must verify itself. Overrides may change
    what the model does not depend on, such as the device. Raises RunError.
    """
    plan = Plan(load_run_config(run, overrides), run)
    passed_over: list[str] = []
    if which in ("best", "last"):
        path, saved, passed_over = checkpoints.read_newest(run.checkpoints)
    else:
        path = Path(which)
        if not path.exists():
            raise RunError(f"'{which}' is neither best, last nor the path of a checkpoint file")
        saved = checkpoints.read(path)
    epoch: float = saved.state.progress.epoch
    if which != "best":
        tensor = VALUES
    elif saved.state.best is not None:
        tensor, epoch = BEST, saved.state.best["epoch"]
    else:
        raise RunError(f"{run.path}: no evaluation yet, so no best epoch; --checkpoint last takes what is there")
    plan.allocate()
    take_values(plan, saved, tensor, path)
    label = which if which in ("best", "last") else path.name
    return Trained(plan, label, path.name, epoch, read_record(run).threads, passed_over)


def take_values(plan: Plan, saved: Checkpoint, tensor: str, path: Path) -> None:
    """Give a plan's model, which is allocated, the values in a tensor of a checkpoint, read from `path`.

    Raises RunError if they are those of another model.
    """
    model = plan.experiment.model
    values = saved.tensors.get(tensor)
    fits = values is not None and values.shape == model.values.shape and values.dtype == model.values.dtype
    if not fits or saved.state.layout != model.layout:
        raise RunError(f"{path}: its parameters are not those of this run's model")
    model.values[...] = array_module(model.values).asarray(values)
