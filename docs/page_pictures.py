"""Take the pictures of the pages that list and compare runs: page_pictures.py RUNS FOLDER.

RUNS has at least two experiments, each with runs of several seeds.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.browser import begun, look
from docs.served_page import TOKEN, save, served, wait_until
from mnistnn.run.directory import all_runs
from mnistnn.web.listing import Listing, id_of

WIDTH, HEIGHT = 1100, 1220
NARROW, NARROW_HEIGHT = 400, 720


def main() -> None:
    """Write the pictures."""
    runs, folder = Path(sys.argv[1]), Path(sys.argv[2])
    ids = ",".join(id_of(run) for run in all_runs(runs))
    driver = begun(WIDTH, HEIGHT)
    try:
        with served(Listing(runs)) as base:
            for name, path, done, narrow in (
                ("compare", f"/compare?runs={ids}", ".test", False),
                ("runs-dark", f"/?runs={ids}", ".runs", True),
            ):
                look(driver, NARROW if narrow else WIDTH, NARROW_HEIGHT if narrow else HEIGHT, dark=narrow)
                driver.get(f"{base}{path}#token={TOKEN}")
                wait_until(driver, f"document.querySelector('{done}')")
                save(driver, folder / f"{name}.png")
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
