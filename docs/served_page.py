"""What both scripts that take pictures of the local page need: its server, something to wait for, a small file."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mnistnn.web.app import create_app
from mnistnn.web.listing import Listing
from mnistnn.web.serving import HOST, server_of

TOKEN = "of-these-pictures"  # noqa: S105 - nobody else can ask this server meanwhile for more than these runs
_WAIT_S = 60


@contextmanager
def served(listing: Listing) -> Iterator[str]:
    """Serve these runs meanwhile; yield the address of the page, without the token."""
    server = server_of(create_app(listing, TOKEN))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://{HOST}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def wait_until(driver: Any, script: str) -> None:
    """Wait until an expression is true in the page. Ends the process if it never is."""
    end = time.monotonic() + _WAIT_S
    while not driver.execute_script(f"return {script}"):
        if time.monotonic() > end:
            raise SystemExit(f"never: {script}")
        time.sleep(0.05)


def save(driver: Any, path: Path) -> None:
    """Write what is seen, with 128 colours: a third of the bytes."""
    from PIL import Image

    driver.save_screenshot(str(path))
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
