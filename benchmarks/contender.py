"""One contender as a process of its own: it prepares a step, then times as many as it is told to, line by line.

`python -m benchmarks.contender KIND WORKLOAD THREADS` answers `ready VERSION`; to each line `N` on its standard input
it answers with the seconds of N steps, in JSON. Waiting for a line it computes nothing, so contenders do not disturb
each other, and each has the thread pools of its own library only.

It is run by several environments, so it imports nothing of mnistnn but in `ours`.
"""

import json
import sys
import time
from collections.abc import Callable

from benchmarks.workloads import Workload, named

Step = Callable[[], object]


def main(kind: str, name: str, threads: int) -> None:
    prepare = __import__(f"benchmarks.steps_{kind.partition('-')[0]}", fromlist=["prepare"]).prepare
    version, step = prepare(kind, named(name), threads)
    for _ in range(3):
        step()
    print(f"ready {version}", flush=True)  # noqa: T201
    for line in sys.stdin:
        print(json.dumps(timed(step, int(line))), flush=True)  # noqa: T201


def timed(step: Step, count: int) -> list[float]:
    """Return the seconds of each of `count` steps."""
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - began)
    return seconds


def examples(workload: Workload) -> tuple[int, ...]:
    """Return the shape of the batch."""
    return (workload.batch, 28, 28) if workload.is_convolutional else (workload.batch, workload.sizes[0])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
