"""What becomes of members in the hands of any pool: two at a time, lost, busy elsewhere, late. Without processes."""

import fcntl
import shutil
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mnistnn.cli.engine import engine_for
from mnistnn.errors import InterruptedRunError, ResourceError, RunError, TimeBudgetError
from mnistnn.run.directory import RunDirectory
from mnistnn.runner.members import is_trained
from mnistnn.runner.signals import StopRequest
from mnistnn.sweep import deadline, members
from mnistnn.sweep.cluster import Dask
from mnistnn.sweep.deadline import Deadline
from mnistnn.sweep.members import MembersAtATime


class Shelf(Executor):
    """Keeps what is submitted, or does it at once."""

    def __init__(self, does_it: bool) -> None:
        self.does_it = does_it
        self.submitted: list[tuple[int, Future[Any]]] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.submitted.append((arguments[1], future))
        if self.does_it:
            future.set_result(function(*arguments))
        return future


@dataclass
class Pool:
    executor: Shelf
    session: str = "ours"
    lost: tuple[type[Exception], ...] = (LookupError,)
    stops: list[Collection[Future[Any]]] = field(default_factory=list)

    def stop(self, waiting: Collection[Future[Any]] = ()) -> None:
        self.stops.append(waiting)

    def kill(self) -> None:
        raise AssertionError("nobody asked for that")


@pytest.fixture
def pool() -> Pool:
    """A pool whose workers never come to anything."""
    return Pool(Shelf(does_it=False))


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def run(fitted_run) -> RunDirectory:
    """The run of a committee whose second member is not trained."""
    found: RunDirectory = fitted_run("committee")
    shutil.rmtree(found.path / "members/002")
    return found


@pytest.fixture
def held(run) -> Any:
    """The lock of the second member's run, held until it is closed."""
    (run.path / "members/002").mkdir()
    with (run.path / "members/002/.mnistnn-lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def begun(pool: Pool, run: RunDirectory, tell: Callable[[str], None], most: int | None = None, budget_s: Any = None):
    trainer = MembersAtATime(pool, most, tell)
    trainer.begin(run, [1, 2, 3] if most else [1], budget_s)
    return trainer


def asked(number: int | None = None) -> StopRequest:
    stop = StopRequest(watches=False)
    stop.number = number
    return stop


def test_member_that_another_process_is_at_is_waited_for_and_gone_on_with(run, held):
    heard: list[str] = []

    def let_go(text: str) -> None:
        heard.append(text)
        held.close()

    pool = Pool(Shelf(does_it=True))
    begun(pool, run, let_go).wait(1, asked())
    assert heard == ["member 2: another process is at it; waiting for it"]
    assert is_trained(run, 1)
    assert len(pool.executor.submitted) == 2


def test_member_that_was_trained_by_another_worker_stays_as_it_is(fitted_run, everything_below, told):
    run = fitted_run("committee")
    before = everything_below(run.path)
    begun(Pool(Shelf(does_it=True)), run, told.append).wait(1, asked())
    assert everything_below(run.path) == before


def test_no_more_members_are_under_way_than_was_asked_for(pool, run, told):
    trainer = begun(pool, run, told.append, most=2)
    with pytest.raises(InterruptedRunError):
        trainer.wait(1, asked(15))
    assert [number for number, _ in pool.executor.submitted] == [1, 2]
    pool.executor.submitted[0][1].set_result(members._Ended())
    trainer.wait(1, asked())
    assert [number for number, _ in pool.executor.submitted] == [1, 2, 3]


@pytest.mark.parametrize(
    ("loss", "error", "said"),
    [
        (lambda future: future.set_exception(LookupError()), RunError, "a process died while it trained a member"),
        (lambda future: (future.cancel(), future.set_running_or_notify_cancel()), ResourceError, "scheduler is gone"),
    ],
    ids=["worker", "scheduler"],
)
def test_loss_is_said_with_the_way_to_go_on(pool, run, told, loss, error, said):
    trainer = begun(pool, run, told.append)
    with pytest.raises(InterruptedRunError):
        trainer.wait(1, asked(15))
    loss(pool.executor.submitted[0][1])
    with pytest.raises(error, match=rf"{said}.* Go on with: mnistnn resume run"):
        trainer.wait(1, asked())
    with pytest.raises(InterruptedRunError, match="interrupted before member 2 joined"):  # who asked, knows why
        trainer.wait(1, asked(15))


def test_member_that_no_worker_takes_is_waited_for_no_longer_than_there_is_time(pool, run, told, monkeypatch):
    monkeypatch.setattr(members, "_PREPARING_S", 0.0)
    with pytest.raises(TimeBudgetError, match="time budget spent in member 2; saved"):
        begun(pool, run, told.append, budget_s=0.1).wait(1, asked())


def test_member_elsewhere_is_waited_for_no_longer_than_there_is_time(run, held, told):
    busy = Pool(Shelf(does_it=True))
    with pytest.raises(TimeBudgetError):
        begun(busy, run, told.append, budget_s=0.5).wait(1, asked())


def test_end_asks_for_saving_first_and_says_what_saves_later(pool, run, told, held, monkeypatch):
    monkeypatch.setattr(members, "_SAVING_S", 0.01)
    trainer = begun(pool, run, told.append)
    with pytest.raises(InterruptedRunError):
        trainer.wait(1, asked(15))
    trainer.end()
    assert [len(waiting) for waiting in pool.stops] == [0, 1]
    assert told == ["member 2 is inside a long update, and is saved after that"]


def test_committee_of_each_seed_has_its_members_on_the_cluster(committee, command, monkeypatch):
    pytest.importorskip("distributed")
    pool, asked_for = Pool(Shelf(does_it=True)), []

    @contextmanager
    def opened(workers: int | None = None) -> Iterator[Pool]:
        yield pool

    def engine(*arguments: object) -> object:
        asked_for.append(arguments)
        return SimpleNamespace(open=opened)

    monkeypatch.setattr("mnistnn.cli.engine.engine_for", engine)
    dask = ("--engine", "dask", "--address", "tcp://h:1")
    done = command("train", committee, "--seeds", "0..1", "--workers", "2", *dask, "-q")
    assert (done.code, "2 seeds: best valid.error" in done.out) == (0, True)
    assert asked_for == [(Path("runs"), 2, "tcp://h:1")] * 2
    assert [number for number, _ in pool.executor.submitted] == [0, 1, 0, 1]


def test_worker_that_does_not_see_the_run_says_so():
    ended = members._train_member(Path("/nowhere/run"), 0, None, "ours", frozenset())
    assert ended.error is RunError
    assert "does not see /nowhere/run; the folder must be one that all machines share" in ended.problem


def test_workers_must_see_the_folder_that_a_run_is_yet_to_be_made_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert engine_for(Path("runs/none"), 1, "tcp://h:1") == Dask("tcp://h:1", tmp_path.resolve())


def test_deadline_holds_by_the_monotonic_clock_here_and_by_the_time_of_day_elsewhere(monkeypatch, tmp_path):
    end = Deadline.after(100.0)
    monkeypatch.setattr("mnistnn.sweep.deadline.time.time", lambda: end.time_s - 7.0)
    assert 99.0 < end.left_s <= 100.0
    (tmp_path / "other").write_text("another machine\n")
    monkeypatch.setattr(deadline, "_BOOT", tmp_path / "other")
    assert end.left_s == 7.0
