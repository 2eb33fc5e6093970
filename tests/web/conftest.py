"""A server of runs in a thread, and a browser that reaches nothing else."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnistnn.run.directory import RunDirectory


@pytest.fixture
def served() -> Iterator[Callable[..., str]]:
    """Serve runs, given by their folders; return the address of the first one's page, without the token."""
    pytest.importorskip("uvicorn")
    from mnistnn.web.app import create_app
    from mnistnn.web.listing import Listing, id_of
    from mnistnn.web.serving import server_of
    from tests.web.test_guard import TOKEN

    servers: list[tuple[Any, threading.Thread]] = []

    def serve(*folders: Path) -> str:
        runs = [RunDirectory(each) for each in folders]
        server = server_of(create_app(Listing(Path("runs"), runs), TOKEN))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/draw/{id_of(runs[0])}"

    yield serve
    for server, thread in servers:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def driver() -> Iterator[Any]:
    """Chromium without a window, with a profile of its own."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--proxy-server=127.0.0.1:9",  # nobody listens there: what a page asks of another host fails
        "--proxy-bypass-list=127.0.0.1",
    ):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    try:
        yield found
    finally:
        found.quit()
