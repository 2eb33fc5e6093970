"""The members of a committee, several at a time: each by a worker of a pool, in its run inside the committee's.

A member may be asked for twice, by a scheduler that lost sight of a worker: as with trials (trial.py), the lock of its
run lets one work, and what is done stays done.
"""

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mnistnn.errors import BusyError, InterruptedRunError, MnistnnError, ResourceError, RunError, TimeBudgetError
from mnistnn.experiment.members import member_run, members_of
from mnistnn.experiment.plan import Plan
from mnistnn.plugins.trust import trusted_among, trusting
from mnistnn.run import lock
from mnistnn.run.code import kept_plugins
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory, as_argument
from mnistnn.runner import session
from mnistnn.runner.members import is_trained
from mnistnn.runner.signals import StopRequest
from mnistnn.sweep.deadline import Deadline
from mnistnn.sweep.engines import Engine, Pool
from mnistnn.sweep.trial import process_worker

_POLL_S = 0.2
_SAVING_S = 8.0
"""How long workers that were asked to stop are waited for. Processes of this machine are killed before that."""
_PREPARING_S = 30.0
"""How long after a time budget is spent a member may have no run yet: its data are being prepared. One that has none
even then was never begun, since all workers have something else to do.
"""
_SILENT = session.Verbosity(shown=False)


@dataclass(frozen=True)
class _Ended:
    """How a member's session ended: with an error of a class and a text, or with none; that it was asked to save and
    end; or that another process is at it.
    """

    error: type[MnistnnError] | None = None
    problem: str = ""
    was_stopped: bool = False
    is_busy: bool = False


class MembersAtATime:
    """Trains several members at a time; see `Trainer` of `runner/members.py`.

    most  how many, where that is less than the pool has workers
    tell  is given lines about members that are waited for
    """

    def __init__(self, pool: Pool, most: int | None, tell: Callable[[str], None]) -> None:
        self._pool, self._most, self._tell = pool, most, tell
        self._waiting: list[int] = []
        self._futures: dict[int, Future[_Ended]] = {}
        self._elsewhere: set[int] = set()  # in the hands of another process, as was told
        self._committee = RunDirectory(Path())
        self._trusted: frozenset[str] = frozenset()
        self._deadline: Deadline | None = None

    def begin(self, committee: RunDirectory, members: Sequence[int], time_budget_s: float | None) -> None:
        self._deadline = None if time_budget_s is None else Deadline.after(time_budget_s)
        self._committee, self._waiting = committee, list(members)
        self._trusted = trusted_among(kept_plugins(committee).digests.values())

    def wait(self, member: int, stop: StopRequest) -> None:
        stop.before_death = self._pool.kill
        lost: tuple[type[BaseException], ...] = (CancelledError, *self._pool.lost)
        ended: _Ended | None = None
        while ended is None:
            try:
                ended = self._followed(member)
            except lost as error:
                if stop.number is None:
                    raise self._loss(error) from error
            if stop.number is not None:
                raise InterruptedRunError(
                    f"interrupted before member {member + 1} joined; saved. {self._go_on}", stop.number
                )
        if ended.error is TimeBudgetError:
            raise TimeBudgetError(f"time budget spent in member {member + 1}; saved. {self._go_on}")
        if ended.error is not None:
            raise ended.error(f"member {member + 1}: {ended.problem}")

    def end(self) -> None:
        """Let what is under way save and end, and begin no more. A worker of a cluster that is inside a long update is
        not waited for: it saves after that.
        """
        self._pool.stop()
        _, left = wait_for(self._futures.values(), timeout=_SAVING_S)
        self._pool.stop(left)
        for number, future in self._futures.items():
            if future in left and lock.is_held(self._run(number)):
                self._tell(f"member {number + 1} is inside a long update, and is saved after that")

    def _followed(self, member: int) -> _Ended | None:
        """Wait for a moment; return how a member ended, if it did. One that was stopped by somebody else, or whose run
        another process had, is submitted again. Raises what a lost worker raises.
        """
        self._begin_more()
        future = self._futures[member]
        wait_for([future], timeout=_POLL_S)
        if not future.done():
            return _Ended(TimeBudgetError) if self._is_not_begun_in_time(member) else None
        ended = future.result()
        if ended.is_busy and lock.is_held(self._run(member)):
            return self._waited_for(member)
        if ended.is_busy or ended.was_stopped:
            self._submit(member)
            return None
        self._begin_more()
        return ended

    def _waited_for(self, member: int) -> _Ended | None:
        """Wait for a moment while another process is at a member, as far as there is time for that."""
        if self._deadline is not None and self._deadline.left_s <= 0:
            return _Ended(TimeBudgetError)
        if member not in self._elsewhere:
            self._elsewhere.add(member)
            self._tell(f"member {member + 1}: another process is at it; waiting for it")
        time.sleep(_POLL_S)
        return None

    def _is_not_begun_in_time(self, member: int) -> bool:
        is_late = self._deadline is not None and self._deadline.left_s < -_PREPARING_S
        return is_late and not lock.is_held(self._run(member))

    def _begin_more(self) -> None:
        """Submit members in their order, as many as may be under way."""
        under_way = sum(not future.done() for future in self._futures.values())
        while self._waiting and (self._most is None or under_way < self._most):
            self._submit(self._waiting[0])
            del self._waiting[0]
            under_way += 1

    def _submit(self, member: int) -> None:
        self._futures[member] = self._pool.executor.submit(
            _train_member, self._committee.path.resolve(), member, self._deadline, self._pool.session, self._trusted
        )

    def _run(self, member: int) -> RunDirectory:
        return member_run(self._committee, member)

    def _loss(self, error: BaseException) -> MnistnnError:
        """Return the error for what a future raises that has no result."""
        if isinstance(error, CancelledError):
            return ResourceError(
                f"the scheduler is gone, or has forgotten a member; what was saved is kept. {self._go_on}"
            )
        return RunError(f"a process died while it trained a member. {self._go_on}")

    @property
    def _go_on(self) -> str:
        return f"Go on with: mnistnn resume {as_argument(self._committee.path)}"


@contextmanager
def members_at_a_time(engine: Engine, most: int | None, tell: Callable[[str], None]) -> Iterator[MembersAtATime]:
    """Yield what trains members by the workers of an engine, so many at a time or as many as there are workers. What is
    under way when the block is left by an exception saves and ends; on a cluster it is waited for, for some seconds.
    """
    with engine.open() as pool:
        trainer = MembersAtATime(pool, most, tell)
        try:
            yield trainer
        except BaseException:
            trainer.end()
            raise


def _train_member(
    committee: Path, number: int, deadline: Deadline | None, pool: str, trusted: frozenset[str]
) -> _Ended:
    """Train a member in this process, or go on with it, for the session of a pool. An error is part of what is
    returned.

    trusted  digests of code that whoever submits it trusts
    """
    run = RunDirectory(committee)
    with process_worker().at_work(pool) as stop, trusting(trusted):
        if stop.number is not None:
            return _Ended(was_stopped=True)
        left_s = None if deadline is None else deadline.left_s
        if left_s is not None and left_s <= 0:
            return _Ended(TimeBudgetError, "not begun")
        try:
            return _go_on_with(run, number, left_s, stop)
        except InterruptedRunError:
            return _Ended(was_stopped=True)
        except BusyError:
            return _Ended(is_busy=True)
        except MnistnnError as error:
            return _Ended(type(error), str(error))


def _go_on_with(run: RunDirectory, number: int, left_s: float | None, stop: StopRequest) -> _Ended:
    """Train a member from where it stands. Raises what its session ends with, if not by a policy."""
    if not run.record.exists():
        raise RunError(
            f"worker {platform.node()} does not see {run.path}; the folder must be one that all machines share"
        )
    if is_trained(run, number):
        return _Ended()
    own, whole = member_run(run, number), load_run_config(run)
    if own.record.exists():
        device = f"backend.device={whole.experiment.backend.device}"
        session.resume(own, [device], _SILENT, left_s, stop)
    else:
        session.start(Plan(members_of(whole)[number]), own.path, own.path, _SILENT, left_s, stop=stop)
    return _Ended()
