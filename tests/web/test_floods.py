"""How much memory a server takes while it is flooded: as much as its limits say, and no more."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mnistnn.web.guard import MOST_BODY_BYTES
from mnistnn.web.listing import _MOST_ROWS_KEPT, id_of
from tests.web.many_runs import have_rows, many_runs
from tests.web.test_runs_in_a_browser import ROOT, until

MORE_MIB = 25
"""What a flood that leaves nothing behind may cost: buffers, and the pieces in which memory is given back."""
ROWS_MIB = 280  # of the rows that are kept at most; without a limit, twice as many would be


class Flooded:
    """`mnistnn serve` in a process of its own."""

    def __init__(self, runs: Path) -> None:
        command = [sys.executable, "-u", "-m", "mnistnn", "serve", "--no-open", "--runs", str(runs)]
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        _ = self.process.stdout.readline()
        self.base, _, self.token = self.process.stdout.readline().strip().partition("/#token=")
        self.port = int(self.base.rpartition(":")[2])

    @property
    def mib(self) -> float:
        """What of its memory is in the machine's."""
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024

    def ask(self, path: str, body: bytes | None = None) -> int:
        """Return the status of an answer; 0 if the server broke it off."""
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.base + path, body, headers), timeout=120) as reply:
                reply.read()
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def ask_at_once(self, paths: list[str], body: bytes | None = None) -> set[int]:
        with ThreadPoolExecutor(20) as pool:
            return set(pool.map(lambda path: self.ask(path, body), paths))

    def open(self, count: int, request: bytes) -> list[socket.socket]:
        """Open so many connections, ask, and read nothing."""
        found = []
        for _ in range(count):
            with suppress(OSError):
                found.append(socket.create_connection(("127.0.0.1", self.port), 10))
                found[-1].sendall(request)
        return found


@pytest.fixture
def flooded(toy: Path, start, tmp_path: Path) -> Iterator[tuple[Flooded, str]]:
    """A server that has answered everything already, and the id of its only run."""
    run = start(toy, path="runs/toy/20250101-000000-aaaa").run
    have_rows(run, 100)
    server = Flooded(tmp_path / "runs")
    try:
        for path in ("/", "/api/runs", f"/api/run/{id_of(run)}/view", f"/api/compare?runs={id_of(run)}") * 20:
            assert server.ask(path) == 200
        yield server, id_of(run)
    finally:
        server.process.terminate()
        server.process.wait(20)
        assert server.process.stdout is not None
        server.process.stdout.close()


def test_memory_stays_as_it_is_under_floods_of_questions(flooded):
    server, run_id = flooded
    before = server.mib
    paths = ["/", "/api/runs", f"/api/run/{run_id}/view", f"/api/compare?runs={run_id}", "/static/live.js"] * 100
    assert server.ask_at_once(paths) == {200}
    assert server.mib <= before + MORE_MIB


def test_memory_stays_as_it_is_under_floods_of_connections(flooded):
    server, _ = flooded
    before = server.mib
    stream = f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode()
    for count, request in ((200, b"GET / HT"), (90, stream)) * 3:
        for connection in server.open(count, request):
            connection.close()
    until(lambda: server.ask("/") == 200)  # it has noticed that they are gone
    assert server.mib <= before + MORE_MIB


def test_memory_stays_as_it_is_under_floods_of_large_bodies(flooded):
    server, run_id = flooded
    before = server.mib
    assert server.ask_at_once([f"/api/run/{run_id}/draw"] * 100, bytes(2 * MOST_BODY_BYTES)) <= {413, 0}
    assert server.mib <= before + MORE_MIB


@pytest.mark.slow
def test_memory_for_a_thousand_runs_and_for_rows_without_number_has_a_limit(flooded, start, toy, tmp_path):
    server, _ = flooded
    one = start(toy, path="one").run
    before = server.mib
    many_runs(one, tmp_path / "runs" / "short", 1000, 5)
    assert server.ask("/api/runs") == 200
    assert server.mib <= before + MORE_MIB
    for run in many_runs(one, tmp_path / "runs" / "long", 40, 2 * _MOST_ROWS_KEPT // 40):
        assert server.ask(f"/api/run/{id_of(run)}/view") == 200
    assert server.mib <= before + MORE_MIB + ROWS_MIB


def test_server_gives_way_to_trainings(flooded):
    server, _ = flooded
    assert os.getpriority(os.PRIO_PROCESS, server.process.pid) > os.getpriority(os.PRIO_PROCESS, 0)
