"""A real Dask scheduler with real workers, as processes on the loopback address."""

import re
import subprocess
import sys
import time
from pathlib import Path

_ON_LOOPBACK = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")


class Cluster:
    """A scheduler, and the workers that have joined it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scheduler = self._begin("scheduler", "--port", "0", *_ON_LOOPBACK)
        self.workers: list[subprocess.Popen[bytes]] = []
        for _ in range(300):
            if found := re.search(r"tcp://127\.0\.0\.1:\d+", self.log("scheduler").read_text()):
                break
            time.sleep(0.1)
        assert found, self.log("scheduler").read_text()
        self.address = found[0]

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _begin(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        with self.log(arguments[0]).open("ab") as log:
            command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=cwd)

    def join(self, count: int) -> None:
        """Begin workers of one thread each."""
        for _ in range(count):
            self.workers.append(self._begin("worker", self.address, "--nthreads", "1", "--no-nanny", *_ON_LOOPBACK))

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                process.kill()
            process.wait()
