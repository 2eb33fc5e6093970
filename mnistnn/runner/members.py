"""Training the members of a committee: a run inside the committee's run for each, when its turn to join comes.

A member whose run is finished only joins. One that was cut off goes on from its own checkpoints.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from mnistnn.errors import InterruptedRunError, MnistnnError, TimeBudgetError
from mnistnn.experiment.members import FOLDER, member_run
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import LoadedMember, load_member
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.runner.signals import StopRequest
from mnistnn.storage.inside import folder_in


class Trainer(Protocol):
    """Trains several members at a time, ahead of their turn."""

    def begin(self, committee: RunDirectory, members: Sequence[int], time_budget_s: float | None) -> None:
        """Begin to train members of a committee, by their numbers, in their runs."""
        ...

    def wait(self, member: int, stop: StopRequest) -> None:
        """Wait until a member is trained. Raises what its session ended with, if not by a policy; InterruptedRunError
        once `stop` is asked, when all that is under way is saved.
        """
        ...


class Members:
    """The members of the committee `plan`, in its `run`, found by their number.

    start    trains a plan in a new run at a path
    resume   goes on with a run
    trainer  trains several at a time; without one, each is trained when its turn comes
    """

    def __init__(
        self,
        plan: Plan,
        run: RunDirectory,
        start: Callable[[Plan, Path], object],
        resume: Callable[[RunDirectory], object],
        stop: StopRequest,
        trainer: Trainer | None = None,
        time_budget_s: float | None = None,
    ) -> None:
        self._device = plan.experiment.backend.device
        self._plans, self._run, self._start, self._resume, self._stop = plan.members, run, start, resume, stop
        self._trainer, self._time_budget_s, self._has_begun = trainer, time_budget_s, False

    def find(self, number: int) -> LoadedMember:
        """Train a member, unless that is done, and return it. Raises what its session ended with, but by a policy."""
        if not is_trained(self._run, number):
            transforms.furnish(folder_in(self._run.path, FOLDER))
            if self._trainer is not None:
                self._train_ahead(self._trainer, number)
            else:
                self._train(number)
        return load_member(self._run, number, self._device)

    def _train(self, number: int) -> None:
        own = member_run(self._run, number)
        try:
            if own.record.exists():
                self._resume(own)
            else:
                self._start(self._plans[number], own.path)
        except (InterruptedRunError, TimeBudgetError):
            raise
        except MnistnnError as error:
            raise type(error)(f"member {number + 1}: {error}") from error

    def _train_ahead(self, trainer: Trainer, number: int) -> None:
        if not self._has_begun:
            left = [n for n in range(number, len(self._plans)) if not is_trained(self._run, n)]
            trainer.begin(self._run, left, self._time_budget_s)
            self._has_begun = True
        trainer.wait(number, self._stop)


def is_trained(committee: RunDirectory, number: int) -> bool:
    """Tell whether the run of a member is finished. Raises RunError if its record cannot be read."""
    own = member_run(committee, number)
    return own.record.exists() and read_record(own).status == "finished"
