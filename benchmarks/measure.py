"""Contenders beside each other: processes that take turns, so that a busy moment of the machine falls on all."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workloads import Workload

ROOT = Path(__file__).parents[1]
_TURN_S = 0.3  # of each contender, in each round


@dataclass(frozen=True)
class Timing:
    """The steps of one contender, in seconds: the median over all, and the spread of the rounds' medians."""

    kind: str
    version: str
    median_s: float
    lowest_s: float
    highest_s: float


class Contender:
    """A process that times steps when told to."""

    def __init__(self, python: Path, kind: str, workload: Workload, threads: int) -> None:
        self.kind = kind
        # Pools are made of this size from the start; a limit set later leaves idle threads behind.
        sizes = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.contender", kind, workload.name, str(threads)],
            cwd=ROOT,
            env={**os.environ, **sizes, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.rounds: list[list[float]] = []
        self._steps = 1

    def wait_until_ready(self) -> None:
        """Raise ChildProcessError, with its last words, if it cannot be prepared."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("ready "):
                self.version = line.removeprefix("ready ").strip()
                return
        assert self._process.stderr is not None
        said = self._process.stderr.read().strip().splitlines() or ["no message"]
        raise ChildProcessError(said[-1])

    def take_turn(self) -> None:
        """Time some steps, as many as fill a turn."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._steps}\n")
        self._process.stdin.flush()
        seconds = json.loads(self._process.stdout.readline())
        self.rounds.append(seconds)
        self._steps = max(3, round(_TURN_S / statistics.median(seconds)))

    def timing(self) -> Timing:
        medians = [
            statistics.median(seconds) for seconds in self.rounds[1:]
        ]  # the first one found the length of a turn
        steps = [second for seconds in self.rounds[1:] for second in seconds]
        return Timing(self.kind, self.version, statistics.median(steps), min(medians), max(medians))

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def measure(
    workload: Workload, kinds: Sequence[tuple[str, Path]], threads: int, rounds: int
) -> tuple[list[Timing], list[str]]:
    """Time the steps of each kind, each with its Python; return the timings, and what kept kinds from being timed."""
    failures = []
    with _contenders(workload, kinds, threads) as contenders:
        able = []
        for contender in contenders:
            try:
                contender.wait_until_ready()
                able.append(contender)
            except ChildProcessError as error:
                failures.append(f"{workload.name}: {contender.kind}: {error}")
        for _ in range(rounds + 1):
            for contender in able:
                contender.take_turn()
        return [contender.timing() for contender in able], failures


@contextmanager
def _contenders(workload: Workload, kinds: Sequence[tuple[str, Path]], threads: int) -> Iterator[list[Contender]]:
    contenders = [Contender(python, kind, workload, threads) for kind, python in kinds]
    try:
        yield contenders
    finally:
        for contender in contenders:
            contender.end()


def this_python() -> Path:
    return Path(sys.executable)
