"""One contender as a process of its own: it prepares a step, then times as many as it is told to, line by line.

`python -m benchmarks.contender KIND WORKLOAD THREADS DEVICE` answers `ready` with what it is, in JSON. To each line
`time N` on its standard input it answers with the seconds of N steps, to `settle N` when it has done steps for N
seconds, since some find out in the first ones how they are fastest; to `parts N` with the seconds of each part of a
step, where it can tell. Waiting for a line it computes nothing, so contenders do not disturb each other, and each has
the thread pools of its own library only.

It is run by several environments, so it imports nothing of mnistnn but in `…_ours`.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TypeVar

from benchmarks.workloads import Workload, from_json

Step = Callable[[], object]
_Setting = TypeVar("_Setting")

_LEAD_IN = 3  # steps before the first that counts
_TRIAL_S = 0.05


@dataclass(frozen=True)
class Prepared:
    """A step, ready to be timed.

    version  of what computes
    threads  that it computes with
    finish   waits for all that steps have begun. Steps that return before they are done, or that use what was done
             ahead of them, are timed together; None for steps that can be timed one by one
    parts    returns the seconds of each part of a step, as medians over so many steps
    """

    version: str
    threads: int
    step: Step
    finish: Step | None = None
    parts: Callable[[int], dict[str, float]] | None = None


def main(kind: str, workload: Workload, threads: int, device: str) -> None:
    if kind.endswith("-one"):  # for who takes its threads from the cores that it may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
        threads = 1
    module = import_module(f"benchmarks.{workload.task}_{kind.partition('-')[0]}")
    prepared: Prepared = module.prepare(kind, workload, threads, device)
    for _ in range(_LEAD_IN):
        prepared.step()
    _say("ready " + json.dumps({"version": prepared.version, "threads": prepared.threads}))
    for line in sys.stdin:
        what, count = line.split()
        if what == "parts":
            _say(json.dumps(prepared.parts(int(count)) if prepared.parts else {}))
        elif what == "settle":
            end_s = time.perf_counter() + int(count)
            while time.perf_counter() < end_s:
                prepared.step()
            _say("settled")
        else:
            _say(json.dumps(timed(prepared, int(count))))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def timed(prepared: Prepared, count: int) -> list[float]:
    """Return the seconds of each of `count` steps; of steps timed together, their mean."""
    step, finish = prepared.step, prepared.finish
    if finish is None:
        return [seconds_of(step) for _ in range(count)]
    for _ in range(_LEAD_IN):  # uses up what was done ahead
        step()
    finish()
    began = time.perf_counter()
    for _ in range(count):
        step()
    finish()
    return [(time.perf_counter() - began) / count]


def seconds_of(step: Step) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def fastest(settings: Sequence[_Setting], use: Callable[[_Setting], Step]) -> tuple[_Setting, Step]:
    """Return the setting with which a step takes least, and that step, in force. All are tried, by turns."""
    if len(settings) == 1:
        return settings[0], use(settings[0])
    medians: dict[int, list[float]] = {number: [] for number in range(len(settings))}
    for turn in range(4):
        for number, setting in enumerate(settings):
            step, ends, seconds = use(setting), time.perf_counter() + _TRIAL_S, []
            while not seconds or time.perf_counter() < ends:
                seconds.append(seconds_of(step))
            if turn:  # the first one warms up
                medians[number].append(statistics.median(seconds))
    best = settings[min(medians, key=lambda number: min(medians[number]))]
    return best, use(best)


def thread_counts(count: int) -> list[int]:
    """Return what to try where up to `count` threads are allowed: for small steps one thread beats several."""
    return sorted({1, count})


def examples(workload: Workload) -> tuple[int, ...]:
    """Return the shape of the batch."""
    if workload.is_recurrent:
        return (workload.batch, workload.steps, workload.sizes[0])
    return (workload.batch, 28, 28) if workload.is_convolutional else (workload.batch, workload.sizes[0])


if __name__ == "__main__":
    main(sys.argv[1], from_json(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
