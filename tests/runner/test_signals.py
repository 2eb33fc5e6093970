"""The first signal asks, the second one ends the process, and afterwards everything is as it was."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from mnistnn.runner.signals import StopRequest

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_remembered_and_nothing_else_happens(number):
    with StopRequest() as stop:
        assert stop.number is None
        os.kill(os.getpid(), number)
        assert stop.number == number


@pytest.mark.parametrize(("first", "second"), [("SIGINT", "SIGINT"), ("SIGTERM", "SIGTERM"), ("SIGTERM", "SIGINT")])
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
