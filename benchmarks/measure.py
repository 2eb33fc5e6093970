"""Contenders beside each other: processes that take turns, so that a busy moment of the machine falls on all."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.workloads import Workload, to_json

ROOT = Path(__file__).parents[1]
_SETTLE_S = 3


@dataclass(frozen=True)
class Measured:
    """What one contender reached, in the unit of its row: median over all, lowest and highest median of a round; or
    the median, the lowest and the highest of the means of rounds.
    """

    kind: str
    version: str
    threads: int
    median: float
    lowest: float
    highest: float


@dataclass
class Outcome:
    """What came of a workload.

    measured  of each contender that could be measured
    parts     seconds of the parts of a step, by contender, where it can tell
    failures  what kept the others from it
    """

    measured: list[Measured] = field(default_factory=list)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class Contender:
    """A process that times steps when told to. Raises ChildProcessError, with its last words, when it has ended."""

    def __init__(self, python: Path, kind: str, workload: Workload, threads: int, device: str) -> None:
        self.kind = kind
        self._turn_s, self._statistic = workload.turn_s, workload.statistic
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 # closed by `end`
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.contender", kind, to_json(workload), str(threads), device],
            cwd=ROOT,
            env=environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,  # a file: nobody reads while it computes
            text=True,
        )
        self.rounds: list[list[float]] = []
        self._steps = 1

    def wait_until_ready(self) -> None:
        self._is = json.loads(self._answer("ready "))

    def settle(self) -> None:
        """Let ours do steps for a while, alone on the machine: it chooses its number of threads as it goes."""
        if self.kind.startswith("ours"):
            self._ask(f"settle {_SETTLE_S}")

    def take_turn(self) -> None:
        """Time some steps, as many as fill a turn."""
        seconds = json.loads(self._ask(f"time {self._steps}"))
        self.rounds.append(seconds)
        self._steps = max(3, round(self._turn_s / statistics.median(seconds)))

    def parts(self) -> dict[str, float]:
        """Return the seconds of each part of a step, over one turn."""
        found: dict[str, float] = json.loads(self._ask(f"parts {self._steps}"))
        return found

    def measured(self) -> Measured:
        counting = self.rounds[1:]  # the first one found the length of a turn
        if self._statistic == "mean":
            of_rounds = [statistics.fmean(seconds) for seconds in counting]
            median = statistics.median(of_rounds)
        else:
            of_rounds = [statistics.median(seconds) for seconds in counting]
            median = statistics.median(second for seconds in counting for second in seconds)
        return Measured(self.kind, **self._is, median=median, lowest=min(of_rounds), highest=max(of_rounds))

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended; what it said is read below
        return self._answer()

    def _answer(self, start: str = "") -> str:
        """Return the next line that begins with `start`, without it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(start):
                return line.removeprefix(start).strip()
        self._process.wait()
        raise ChildProcessError(last_words(self._said, self._process.returncode))


def measure(
    workload: Workload, kinds: Sequence[tuple[str, Path]], threads: int, rounds: int, device: str = "cpu"
) -> Outcome:
    """Time the steps of each kind, each with its Python, by turns; then ask for the parts of a step."""
    outcome = Outcome()
    with _contenders(workload, kinds, threads, device) as able:

        def each(do: str) -> None:
            for contender in list(able):
                try:
                    found = getattr(contender, do)()
                except ChildProcessError as error:
                    outcome.failures.append(f"{workload.name}: {contender.kind}: {error}")
                    able.remove(contender)
                    contender.end()
                else:
                    if do == "parts" and found:
                        outcome.parts[contender.kind] = found

        each("wait_until_ready")
        each("settle")
        for _ in range(rounds + 1):
            each("take_turn")
        outcome.measured = [contender.measured() for contender in able]
        each("parts")
    return outcome


@contextmanager
def _contenders(
    workload: Workload, kinds: Sequence[tuple[str, Path]], threads: int, device: str
) -> Iterator[list[Contender]]:
    contenders = [Contender(python, kind, workload, threads, device) for kind, python in kinds]
    try:
        yield contenders
    finally:
        for contender in contenders:
            contender.end()


def environment(threads: int) -> dict[str, str]:
    """Return the environment of what is measured.

    Pools are made of `threads` from the start: a limit set later leaves idle threads behind. Bytecode is kept, as it is
    for everyone who has not forbidden it.
    """
    sizes = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **sizes, "PYTHONPATH": str(ROOT)}


def last_words(said: "tempfile._TemporaryFileWrapper[str]", code: int) -> str:  # type: ignore[name-defined]
    """Return the last line that a process wrote, or how it ended."""
    said.seek(0)
    return next((line.strip() for line in reversed(said.readlines()) if line.strip()), f"ended with {code}")


def this_python() -> Path:
    return Path(sys.executable)
