"""Whole processes: run to their end, by turns, with the time and the memory that they took."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Measured, environment, last_words

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Ended:
    """A process that ended well.

    began_s     when, on the clock that all processes share
    peak_bytes  of memory that was resident, files mapped into it included
    """

    began_s: float
    seconds: float
    peak_bytes: int
    said: str


@dataclass(frozen=True)
class Program:
    """What one contender runs: its processes, one after the other, in an empty folder."""

    kind: str
    version: str
    commands: Sequence[Command]


def run(command: Command, threads: int, folder: Path) -> Ended:
    """Run a process in `folder` to its end. Raises ChildProcessError, with its last words, if it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environment(threads), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise ChildProcessError(last_words(err, process.returncode))
        out.seek(0)
        return Ended(began, seconds, 1024 * usage.ru_maxrss, out.read())  # Linux counts in KiB


def take_turns(
    programs: Sequence[Program], threads: int, rounds: int
) -> tuple[list[Measured], dict[str, str], list[str]]:
    """Run the processes of each program, by turns, in a new folder every time.

    Return the seconds of each program, what its last process said last, and what kept the others from being measured.
    """
    seconds: dict[str, list[float]] = {program.kind: [] for program in programs}
    said: dict[str, str] = {}
    failures = []
    able = list(programs)
    for _ in range(rounds):
        for program in list(able):
            with tempfile.TemporaryDirectory(prefix="mnistnn-bench-") as folder:
                try:
                    ended = [run(command, threads, Path(folder)) for command in program.commands]
                except ChildProcessError as error:
                    failures.append(f"{program.kind}: {error}")
                    able.remove(program)
                    continue
            seconds[program.kind].append(sum(one.seconds for one in ended))
            said[program.kind] = ended[-1].said
    measured = [spread(program.kind, program.version, threads, seconds[program.kind]) for program in able]
    return measured, said, failures


def spread(kind: str, version: str, threads: int, values: Sequence[float]) -> Measured:
    return Measured(kind, version, threads, statistics.median(values), min(values), max(values))
