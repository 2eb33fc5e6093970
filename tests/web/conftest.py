"""A server of the page of a model in a thread, and a browser that reaches nothing else."""

import json
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.web.model.stand_in_app import stand_in_app

SIDE = 280


def unpacked(body: bytes) -> tuple[dict[str, Any], Callable[[Mapping[str, Any]], np.ndarray]]:
    """Return the JSON of an answer, and what takes an array out of it."""
    (length,) = struct.unpack_from("<I", body)
    numbers = np.frombuffer(body, "<f4", offset=4 + length)

    def values(of: Mapping[str, Any]) -> np.ndarray:
        size = int(np.prod(of["shape"], dtype=int))
        return numbers[of["offset"] : of["offset"] + size].reshape(of["shape"])

    return json.loads(body[4 : 4 + length]), values


def drawing(width: int = 18) -> np.ndarray:
    """Return a stroke down the sheet, and one across: 255 is ink."""
    sheet = np.zeros((SIDE, SIDE), np.uint8)
    sheet[60:220, 130 : 130 + width] = 255
    sheet[60 : 60 + width, 80:200] = 180
    return sheet


@pytest.fixture
def served() -> Iterator[Callable[[Mapping[str, Path]], str]]:
    """Serve runs by their ids; return the address."""
    import uvicorn

    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def serve(paths: Mapping[str, Path]) -> str:
        config = uvicorn.Config(stand_in_app(paths), host="127.0.0.1", port=0, log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        servers.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

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
