"""Commands in processes of their own, started quickly: a server that has imported mnistnn once forks each of them.

So hundreds of runs can be killed by a real SIGKILL, at a call to the disk or at any instant, in a minute or two.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "numpy.ma",
        "threadpoolctl",
        "safetensors.numpy",
        "mnistnn.cli.shell",
        "mnistnn.cli.train",
        "mnistnn.runner.session",
    ]
)


def start(
    arguments: list[object], folder: Path, environment: Mapping[str, str], output: Path, kill_at: int = 0
) -> ForkServerProcess:
    """Start a command line in a folder; it kills itself at its `kill_at`-th call to the disk below that folder."""
    texts = [str(argument) for argument in arguments]
    process = _CONTEXT.Process(target=_run, args=(texts, str(folder), dict(environment), str(output), kill_at))
    process.start()
    return process


def ended(process: ForkServerProcess, within_s: float = 120.0) -> int:
    """Wait for the end of a process; return its exit code, or minus the number of its signal."""
    process.join(within_s)
    assert process.exitcode is not None, "the process hangs"
    return process.exitcode


def _run(arguments: list[str], folder: str, environment: dict[str, str], output: str, kill_at: int) -> None:
    os.chdir(folder)
    for size in ("COLUMNS", "LINES"):  # of where tests run; a terminal has its own
        os.environ.pop(size, None)
    os.environ.update(environment)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)

    from mnistnn.cli import shell
    from mnistnn.run import provenance
    from tests.faults.disk import Disk

    patch = pytest.MonkeyPatch()
    patch.setattr(provenance, "_git_state", lambda: None)
    patch.setattr(provenance, "_version", lambda package: None)
    if kill_at:
        Disk(Path(folder), patch).arm(kill_at, "SIGKILL")
    gate = Path("gate")
    while environment.get("WAIT_AT_THE_GATE") and not gate.exists():
        time.sleep(0.001)
    code = shell.run(arguments)
    sys.stderr.flush()
    os._exit(code)
