"""The first signal asks, the second one ends the process, and afterwards everything is as it was."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from mnistnn.errors import InterruptedRunError
from mnistnn.runner.signals import WATCHED, StopRequest, held_back, let_through

TWICE = """
import os, signal, sys
from mnistnn.runner.signals import StopRequest
number = int(sys.argv[1])
with StopRequest() as stop:
    os.kill(os.getpid(), number)
    print(stop.number, flush=True)
    os.kill(os.getpid(), int(sys.argv[2]))
    print("still alive")
"""


@pytest.mark.parametrize("number", WATCHED)
def test_first_signal_is_remembered_and_nothing_else_happens(number):
    with StopRequest() as stop:
        assert stop.number is None
        os.kill(os.getpid(), number)
        assert stop.number == number


@pytest.mark.parametrize(("first", "second"), [("SIGINT", "SIGINT"), ("SIGHUP", "SIGUSR1"), ("SIGTERM", "SIGINT")])
def test_second_signal_ends_the_process_at_once(first, second):
    numbers = [int(signal.Signals[name]) for name in (first, second)]
    done = subprocess.run([sys.executable, "-c", TWICE, *map(str, numbers)], stdout=subprocess.PIPE, text=True)
    assert done.returncode == -numbers[1]
    assert done.stdout == f"{numbers[0]}\n"


def test_previous_handling_is_restored():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_whoever_holds_a_request_may_ask_from_another_thread():
    with StopRequest() as stop:
        asking = threading.Thread(target=stop.ask, args=(signal.SIGTERM,))
        asking.start()
        asking.join()
        assert stop.number == signal.SIGTERM


def test_request_that_was_made_stays_as_it_is():
    stop = StopRequest()
    stop.ask(signal.SIGINT)
    stop.ask(signal.SIGTERM)
    assert stop.number == signal.SIGINT


def test_thread_that_is_not_the_main_one_watches_no_signals():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def watch() -> None:
        with StopRequest():
            seen.append(signal.getsignal(signal.SIGTERM))

    watching = threading.Thread(target=watch)
    watching.start()
    watching.join()
    assert seen == [before]


def test_hangup_that_nohup_ignores_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.number is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_need_not_be_completed_is_left_at_once():
    done = []

    def prepare(stop: StopRequest, said: str) -> None:
        with stop.at_once(said):
            try:
                os.kill(os.getpid(), signal.SIGHUP)
                done.append("after it")
            except Exception:  # as libraries have it, for whatever fails inside
                done.append("caught")

    with StopRequest() as stop:
        with pytest.raises(InterruptedRunError, match="nothing was made") as caught:
            prepare(stop, "nothing was made")
        assert (done, stop.number, caught.value.exit_code) == ([], signal.SIGHUP, 129)
        with pytest.raises(InterruptedRunError, match="not even begun"):
            prepare(stop, "not even begun")
    assert done == []


def test_what_another_thread_asks_for_is_heeded_at_the_end_of_what_need_not_be_completed():
    def prepare(stop: StopRequest) -> None:
        with stop.at_once("not begun"):
            asking = threading.Thread(target=stop.ask, args=(signal.SIGTERM,))
            asking.start()
            asking.join()

    with StopRequest(watches=False) as stop, pytest.raises(InterruptedRunError, match="not begun"):
        prepare(stop)


def test_other_processes_are_ended_before_a_second_signal_ends_this_one():
    text = TWICE.replace(
        "    os.kill", "    stop.before_death = lambda: print('the others', flush=True)\n    os.kill", 1
    )
    done = subprocess.run([sys.executable, "-c", text, "15", "15"], stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout) == (-15, "15\nthe others\n")


def test_second_signal_does_what_it_did_before_in_the_program_of_somebody_else():
    def interrupted_twice() -> None:
        with StopRequest(is_own_process=False) as stop:
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.number == signal.SIGINT
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    assert signal.getsignal(signal.SIGINT) == before


def test_signals_that_are_held_back_are_heeded_afterwards():
    numbers = []
    with StopRequest() as stop:
        with held_back():
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)  # other threads hold nothing back
            numbers.append(stop.number)
        numbers.append(stop.number)
    assert numbers == [None, signal.SIGUSR1]
    let_through()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(WATCHED)
