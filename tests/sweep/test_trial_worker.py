"""The worker of a process: one run at a time, and stopped for a session without harm to others."""

import signal
import threading

import pytest

from mnistnn.sweep.trial import TrialWorker

SIGTERM = signal.SIGTERM


@pytest.fixture
def worker() -> TrialWorker:
    return TrialWorker()


def test_run_under_way_is_asked_to_stop(worker):
    with worker.at_work("ours") as stop:
        assert stop.number is None
        worker.stop("ours")
        assert stop.number == SIGTERM


def test_nothing_more_is_begun_for_a_session_that_was_stopped(worker, prepared):
    study = prepared("batches.size=16,32")
    worker.stop("ours")
    ended = worker.run(study.path, study.trials[0].id, "ours")
    assert ended.state == "stopped"
    assert not study.run(study.trials[0]).record.exists()


def test_other_sessions_go_on(worker, prepared):
    study = prepared("batches.size=16,32")
    worker.stop("theirs")
    assert worker.run(study.path, study.trials[0].id, "ours").state == "finished"
    with worker.at_work("ours") as stop:
        worker.stop("others'")
        assert stop.number is None


def test_runs_wait_for_their_turn(worker):
    order: list[str] = []

    def work() -> None:
        with worker.at_work("second"):
            order.append("second")

    waiting = threading.Thread(target=work)
    with worker.at_work("first"):
        waiting.start()
        waiting.join(0.05)
        order.append("first")
        assert worker.is_at_work
    waiting.join(10)
    assert order == ["first", "second"]
    assert not worker.is_at_work


def test_run_that_waited_while_its_session_was_stopped_is_not_begun(worker):
    numbers: list[int | None] = []

    def work() -> None:
        with worker.at_work("ours") as stop:
            numbers.append(stop.number)

    waiting = threading.Thread(target=work)
    with worker.at_work("theirs"):
        waiting.start()
        worker.stop("ours")
    waiting.join(10)
    assert numbers == [SIGTERM]
