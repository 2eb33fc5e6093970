"""Training the members of a committee: a run inside the committee's run for each, when its turn to join comes.

A member whose run is finished only joins. One that was cut off goes on from its own checkpoints.
"""

from collections.abc import Callable
from pathlib import Path

from mnistnn.experiment.members import FOLDER, member_run
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import LoadedMember, load_member
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record


class Members:
    """The members of the committee `plan`, in its `run`, found by their number.

    start   trains a plan in a new run at a path
    resume  goes on with a run
    """

    def __init__(
        self,
        plan: Plan,
        run: RunDirectory,
        start: Callable[[Plan, Path], object],
        resume: Callable[[RunDirectory], object],
    ) -> None:
        self._plans, self._run, self._start, self._resume = plan.members, run, start, resume

    def find(self, number: int) -> LoadedMember:
        """Train a member, unless that is done, and return it. Raises what its session ended with, but by a policy."""
        own = member_run(self._run, number)
        if not own.record.exists():
            transforms.furnish(self._run.path / FOLDER)
            self._start(self._plans[number], own.path)
        elif read_record(own).status != "finished":
            self._resume(own)
        return load_member(self._run, number)
