"""A run's model with the parameters of one of its checkpoints, ready to be asked."""

from dataclasses import dataclass
from pathlib import Path

from mnistnn.backend import array_module
from mnistnn.config.load import load_resolved
from mnistnn.errors import RunError
from mnistnn.experiment import Plan
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.directory import RunDirectory


@dataclass(frozen=True)
class Trained:
    """A plan whose model holds trained parameters. `label` is best, last or a file name; `epoch` may be unknown."""

    plan: Plan
    label: str
    file: str
    epoch: int | None


def load_trained(run: RunDirectory, which: str = "best") -> Trained:
    """Load a run's model from its best or last parameters, or from a checkpoint file given by its path.

    Best and last are taken from the newest checkpoint that verifies; a path must verify itself. Raises RunError.
    """
    plan = Plan(load_resolved(run.config))
    if which in ("best", "last"):
        path, saved, _ = checkpoints.read_newest(run.checkpoints)
    else:
        path = Path(which)
        saved = checkpoints.read(path)
    if which == "best":
        if saved.state["best"] is None:
            raise RunError(f"{run.path}: no evaluation yet, so no best epoch; --checkpoint last takes what is there")
        tensor, epoch = "best", int(saved.state["best"]["epoch"])
    else:
        tensor, epoch = "theta", int(saved.state["progress"]["epoch"])
    plan.allocate()
    theta = plan.experiment.model.theta
    values = saved.tensors.get(tensor)
    if values is None or values.shape != theta.shape or values.dtype != theta.dtype:
        raise RunError(f"{path}: its parameters are not those of this run's model")
    theta[...] = array_module(theta).asarray(values)
    return Trained(plan, which if which in ("best", "last") else path.name, path.name, epoch)
