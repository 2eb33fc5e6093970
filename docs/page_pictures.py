"""Take the pictures of the pages that list and compare runs: page_pictures.py RUNS FOLDER.

RUNS has at least two experiments, each with runs of several seeds.
"""

import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.browser import begun, look
from mnistnn.run.directory import all_runs
from mnistnn.web.app import create_app
from mnistnn.web.listing import Listing, id_of
from mnistnn.web.serving import HOST, server_of

WIDTH, HEIGHT = 1100, 1220
NARROW, NARROW_HEIGHT = 400, 720
_TOKEN = "pictures"  # noqa: S105 # of a server that lives for seconds
_WAIT_S = 60


def main() -> None:
    """Write the pictures."""
    from PIL import Image

    runs, folder = Path(sys.argv[1]), Path(sys.argv[2])
    ids = ",".join(id_of(run) for run in all_runs(runs))
    driver = begun(WIDTH, HEIGHT)
    server = server_of(create_app(Listing(runs), _TOKEN))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    base = f"http://{HOST}:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        for name, path, done, narrow in (
            ("compare", f"/compare?runs={ids}", ".test", False),
            ("runs-dark", f"/?runs={ids}", ".runs", True),
        ):
            look(driver, NARROW if narrow else WIDTH, NARROW_HEIGHT if narrow else HEIGHT, dark=narrow)
            driver.get(f"{base}{path}#token={_TOKEN}")
            end = time.monotonic() + _WAIT_S
            while not driver.find_elements("css selector", done):
                if time.monotonic() > end:
                    raise SystemExit(f"never: {done}")
                time.sleep(0.05)
            driver.save_screenshot(str(folder / f"{name}.png"))
            picture = Image.open(folder / f"{name}.png").convert("RGB").quantize(128, dither=Image.Dither.NONE)
            picture.save(folder / f"{name}.png", optimize=True)
    finally:
        driver.quit()
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
