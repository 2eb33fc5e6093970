"""Training on a machine that has other work: beside processes that compute without end."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.measure import Outcome, this_python
from benchmarks.row import Row
from benchmarks.workloads import Workload

COMPETITORS = (0, 1, 2, 4)
FIXED = ("ours-single", "ours-all")
"""Ours with a fixed number of threads: one, or all."""
PEERS = ("torch-default", "torch-single")
_ENDLESS = "while True: pass"


@contextmanager
def competitors(count: int) -> Iterator[None]:
    """Let so many other processes compute."""
    running = [subprocess.Popen([this_python(), "-c", _ENDLESS]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def load() -> float:
    """Return the load of the last minute."""
    return os.getloadavg()[0]


def workload_beside(workload: Workload, count: int) -> Workload:
    """Return what is measured beside so many processes: the mean of turns of a second, since what waits is rare."""
    beside = f"beside {count} process{'' if count == 1 else 'es'}"
    return replace(workload, name=f"{workload.name}, {beside}", turn_s=1.0, statistic="mean")


def row_beside(workload: Workload, outcome: Outcome, goal: float, loads: tuple[float, float]) -> Row | None:
    """Return the row, whose base is the better one of the fixed numbers of threads."""
    fixed = [found for found in outcome.measured if found.kind in FIXED]
    if not fixed or all(found.kind != "ours" for found in outcome.measured):
        return None
    base = min(fixed, key=lambda found: found.median).kind
    return Row("busy", workload.name, outcome.measured, base=base, limit_goal=goal, loads=loads)
