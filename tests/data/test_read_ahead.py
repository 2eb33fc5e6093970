"""Workers ahead: results in order, whatever the number of threads, and no trace of them afterwards."""

import threading
import time
from contextvars import ContextVar

import pytest

from mnistnn.data.read_ahead import ahead


def threads_left():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not threads_left()


def slow_square(number):
    time.sleep(0.001 * (number % 3))
    return number * number


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("depth", [0, 1, 2, 5, 100])
def test_results_come_in_order_whatever_the_depth(depth, workers):
    assert list(ahead(slow_square, range(20), depth, workers)) == [number * number for number in range(20)]


def test_worker_is_so_far_ahead_and_no_farther():
    done: list[int] = []
    results = ahead(done.append, range(20), depth=2)
    next(results)
    end = time.monotonic() + 5.0
    while len(done) < 3 and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(0.02)
    assert done == [0, 1, 2]
    results.close()


def test_error_is_raised_in_its_turn_and_ends_the_worker():
    def work(number):
        if number == 3:
            raise ValueError("the fourth")
        return number

    seen: list[int] = []
    with pytest.raises(ValueError, match="the fourth"):
        seen.extend(result for result in ahead(work, range(10)))
    assert not threads_left()
    results = ahead(work, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    results.close()


def test_leaving_the_loop_ends_the_worker():
    for result in ahead(slow_square, range(1000)):
        assert threads_left()
        if result == 4:
            break
    assert not threads_left()


def test_exception_in_the_loop_ends_the_worker():
    def stop_at_once():
        for _ in ahead(slow_square, range(1000)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_at_once()
    assert not threads_left()


def test_work_is_done_in_the_context_of_who_asks_for_results():
    kept: ContextVar[str] = ContextVar("kept", default="that of nobody")
    token = kept.set("ours")
    try:
        assert list(ahead(lambda _: kept.get(), range(3), workers=2)) == ["ours"] * 3
    finally:
        kept.reset(token)
