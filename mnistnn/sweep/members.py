"""The members of a committee, several at a time: each in a process of its own, in its run inside the committee's."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as NotDoneError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mnistnn.errors import InterruptedRunError, MnistnnError, RunError, TimeBudgetError
from mnistnn.experiment.members import member_run, members_of
from mnistnn.experiment.plan import Plan
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory, as_argument
from mnistnn.runner import session
from mnistnn.runner.signals import StopRequest
from mnistnn.sweep.engines import Local, LocalPool
from mnistnn.sweep.trial import process_worker

_POLL_S = 0.2
_SILENT = session.Verbosity(shown=False)


@dataclass(frozen=True)
class _Ended:
    """How a member's session ended: with an error of a class and a text, or with none; or that it was asked to save and
    end.
    """

    error: type[MnistnnError] | None = None
    problem: str = ""
    was_stopped: bool = False


class MembersAtATime:
    """Trains so many members at a time; see `Trainer` of `runner/members.py`."""

    def __init__(self, pool: LocalPool) -> None:
        self._pool = pool
        self._futures: dict[int, Future[_Ended]] = {}
        self._committee = RunDirectory(Path())
        self._ends_at: float | None = None

    def begin(self, committee: RunDirectory, members: Sequence[int], time_budget_s: float | None) -> None:
        ends_at = None if time_budget_s is None else time.monotonic() + time_budget_s
        self._committee, self._ends_at = committee, ends_at
        self._futures = {number: self._submitted(number) for number in members}

    def wait(self, member: int, stop: StopRequest) -> None:
        stop.before_death = self._pool.kill
        while True:
            try:
                ended = self._futures[member].result(timeout=_POLL_S)
                if not ended.was_stopped or stop.number is not None:
                    break
                self._futures[member] = self._submitted(member)  # it was asked by somebody else
            except NotDoneError:
                if stop.number is not None:
                    raise self._interrupted(member, stop.number) from None
            except BrokenExecutor as error:
                if stop.number is not None:
                    raise self._interrupted(member, stop.number) from None
                raise RunError(f"a process died while it trained a member. {self._go_on}") from error
        if stop.number is not None:
            raise self._interrupted(member, stop.number)
        if ended.error is TimeBudgetError:
            raise TimeBudgetError(f"time budget spent in member {member + 1}; saved. {self._go_on}")
        if ended.error is not None:
            raise ended.error(f"member {member + 1}: {ended.problem}")

    def _submitted(self, member: int) -> Future[_Ended]:
        return self._pool.executor.submit(_train_member, self._committee.path, member, self._ends_at)

    def _interrupted(self, member: int, number: int) -> InterruptedRunError:
        """Let all that is under way save, and return the error that ends the committee's session."""
        self._pool.stop()
        for future in self._futures.values():
            future.exception()
        return InterruptedRunError(f"interrupted before member {member + 1} joined; saved. {self._go_on}", number)

    @property
    def _go_on(self) -> str:
        return f"Go on with: mnistnn resume {as_argument(self._committee.path)}"


@contextmanager
def members_at_a_time(workers: int) -> Iterator[MembersAtATime]:
    """Yield what trains so many members at a time, in processes that end with the context."""
    with Local(workers).open() as pool:
        yield MembersAtATime(pool)


def _train_member(committee: Path, number: int, ends_at: float | None) -> _Ended:
    """Train a member in this process, or go on with it. An error is part of what is returned."""
    run = RunDirectory(committee)
    own = member_run(run, number)
    with process_worker().at_work() as stop:
        left_s = None if ends_at is None else ends_at - time.monotonic()
        if stop.number is not None:
            return _Ended(was_stopped=True)
        if left_s is not None and left_s <= 0:
            return _Ended(TimeBudgetError, "not begun")
        try:
            whole = load_run_config(run)
            if own.record.exists():
                device = f"backend.device={whole.experiment.backend.device}"
                session.resume(own, [device], _SILENT, left_s, stop)
            else:
                plan = Plan(members_of(whole)[number])
                session.start(plan, own.path, own.path, _SILENT, left_s, stop=stop)
        except InterruptedRunError:
            return _Ended(was_stopped=True)
        except MnistnnError as error:
            return _Ended(type(error), str(error))
    return _Ended()
