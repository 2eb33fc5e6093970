import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from mnistnn.backend import threads

X = np.empty(0)
each_count = pytest.mark.parametrize("count", [1, 2, 3])


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@each_count
@pytest.mark.parametrize("pieces", [0, 1, 2, 50])
def test_every_piece_is_done_once_by_a_worker_there_is(count, pieces):
    done: list[tuple[int, int]] = []
    with threads.allowed(count):
        threads.spread(lambda piece, worker: done.append((piece, worker)), range(pieces), X)
        assert threads.workers_for(X) == count
    assert sorted(piece for piece, _ in done) == list(range(pieces))
    assert all(0 <= worker < count for _, worker in done)


def test_workers_work_at_the_same_time_each_under_its_own_number():
    together, seen = threading.Barrier(3, timeout=10), set()

    def work(piece, worker):
        together.wait()  # passes only when three are here
        seen.add((worker, threading.get_ident()))

    with threads.allowed(3):
        threads.spread(work, range(3), X)
    assert {worker for worker, _ in seen} == {0, 1, 2}
    assert len({thread for _, thread in seen}) == 3


@pytest.mark.parametrize("failing", [0, 1])
def test_error_of_either_worker_is_raised_after_both_have_ended(failing):
    together, ended = threading.Barrier(2, timeout=10), []

    def work(piece, worker):
        together.wait()
        if worker == failing:
            raise ZeroDivisionError("division by nothing")
        time.sleep(0.02)
        ended.append(worker)

    with threads.allowed(2):
        with pytest.raises(ZeroDivisionError, match="division by nothing"):
            threads.spread(work, range(2), X)
        assert ended == [1 - failing]


def test_workers_can_be_used_again_after_an_error():
    done: list[int] = []
    with threads.allowed(2):
        with pytest.raises(TypeError):
            threads.spread(None, range(5), X)  # type: ignore[arg-type]
        threads.spread(lambda piece, worker: done.append(piece), range(5), X)
    assert sorted(done) == list(range(5))


@each_count
def test_work_may_itself_be_spread(count):
    done: list[int] = []

    def work(piece, worker):
        threads.spread(lambda inner, _: done.append(10 * piece + inner), range(4), X)

    with threads.allowed(count):
        for _ in range(20):
            threads.spread(work, range(4), X)
    assert len(done) == 20 * 16
    assert len(set(done)) == 16


def test_numpys_error_state_holds_in_all_workers():
    together, states = threading.Barrier(2, timeout=10), list[Any]()

    def work(piece, worker):
        together.wait()
        states.append(np.geterr()["over"])

    with threads.allowed(2), np.errstate(over="raise"):
        threads.spread(work, range(2), X)
    assert states == ["raise", "raise"]


@pytest.mark.parametrize(("rows", "inner", "columns"), [(301, 200, 100), (2, 2000, 1000), (1, 2000, 3000), (5, 4, 3)])
@pytest.mark.parametrize("transposed", [False, True])
def test_matmul_is_that_of_numpy(rows, inner, columns, transposed):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(inner, rows)).T if transposed else rng.normal(size=(rows, inner))
    b, out = rng.normal(size=(inner, columns)), np.full((rows, columns), np.nan)
    with threads.allowed(3):
        threads.matmul(a, b, out=out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("by_column", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (784, 1000), (1000, 784), (100_000, 3)])
def test_product_of_one_example_is_that_of_numpy_for_any_number_of_workers(rows, columns, by_column):
    rng = np.random.default_rng(5)
    x, dz = (rng.standard_normal((1, n), dtype=np.float32) for n in (rows, columns))
    for workers in (1, 2, 3):
        out = np.full((rows, columns), np.nan, np.float32, order="F" if by_column else "C")
        with threads.allowed(workers) as in_use:
            in_use.taking_part = workers
            threads.matmul(x.T, dz, out)
        np.testing.assert_array_equal(out, x.T @ dz)


def test_blas_has_one_thread_and_what_was_before_comes_back():
    before = blas_threads()
    with threads.allowed(1):
        assert (threads.workers_for(X), blas_threads()) == (1, {1})
        with threads.allowed(3):
            assert (threads.workers_for(X), blas_threads()) == (3, {1})
        assert (threads.workers_for(X), blas_threads()) == (1, {1})
    assert blas_threads() == before


def test_workers_of_two_users_are_their_own():
    """As of two requests that a server answers at the same time."""
    all_at_work, ran_in = threading.Barrier(5, timeout=10), dict[int, set[int]]()

    def use(count: int) -> None:
        with threads.allowed(count):

            def work(piece, worker):
                all_at_work.wait()  # passes only when two of the one and three of the other are here
                ran_in.setdefault(count, set()).add(threading.get_ident())

            threads.spread(work, range(count), X)
            assert threads.workers_for(X) == count

    with ThreadPoolExecutor(2) as users:
        list(users.map(use, (2, 3)))
    assert (len(ran_in[2]), len(ran_in[3])) == (2, 3)
    assert not ran_in[2] & ran_in[3]


def test_user_who_leaves_does_not_disturb_another():
    has_left, done = threading.Event(), list[int]()

    def stay() -> None:
        with threads.allowed(3):
            has_entered.set()
            assert has_left.wait(10)
            threads.spread(lambda piece, worker: done.append(piece), range(50), X)
            assert threads.workers_for(X) == 3

    has_entered = threading.Event()
    with ThreadPoolExecutor(1) as other:
        with threads.allowed(2):
            staying = other.submit(stay)
            assert has_entered.wait(10)
        has_left.set()
        staying.result()
    assert sorted(done) == list(range(50))


def test_thread_of_nobody_has_one_worker():
    with threads.allowed(3), ThreadPoolExecutor(1) as other:
        assert other.submit(threads.workers_for, X).result() == 1


def test_blas_keeps_one_thread_until_the_last_user_has_left():
    before = blas_threads()
    first, second = threads.allowed(1), threads.allowed(2)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:  # each enters and leaves in a thread of its own
        one.submit(first.__enter__).result()
        other.submit(second.__enter__).result()
        there = [blas_threads()]
        one.submit(first.__exit__, None, None, None).result()
        there.append(blas_threads())
        other.submit(second.__exit__, None, None, None).result()
    assert there == [{1}, {1}]
    assert blas_threads() == before


def test_what_was_before_comes_back_after_an_error():
    with pytest.raises(KeyError), threads.allowed(3):
        raise KeyError
    assert threads.workers_for(X) == 1


def test_work_on_a_device_is_done_in_order_by_one_worker():
    on_device: Any = SimpleNamespace()
    done: list[tuple[int, int, int]] = []
    with threads.allowed(3):
        assert threads.workers_for(on_device) == 1
        threads.spread(lambda n, worker: done.append((n, worker, threading.get_ident())), range(4), on_device)
    assert done == [(n, 0, threading.get_ident()) for n in range(4)]


def test_helpers_that_the_system_refuses_are_done_without(monkeypatch):
    """A limit of processes, met in the middle of a run as well: pieces are done by those that there are."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def limited(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    done: list[int] = []
    with threads.allowed(4) as workers:
        for _ in range(2):
            workers.spread(lambda piece, _: done.append(piece), range(40))
    assert sorted(done) == sorted([*range(40)] * 2)
    assert len(started) == 1


def test_forked_process_does_not_wait_for_a_thread_of_its_parent():
    """Another thread may be entering a run at the moment of the fork, and does not exist in the child."""
    with threads._blas._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            with threads.allowed(2):
                os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
