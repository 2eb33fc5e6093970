"""Take the pictures of the page "Draw a digit", one for each kind of model: draw_pictures.py RUNS FOLDER [NAME]….

RUNS has a run of each name in `SHOTS`; the Makefile trains them. With names, only these pictures are taken.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.browser import begun, look
from docs.served_page import TOKEN, save, served, wait_until
from mnistnn.run.directory import RunDirectory
from mnistnn.web.listing import Listing, id_of


@dataclass(frozen=True)
class Shot:
    """A picture.

    type    the `type` of the model
    query   of the address: what is asked; a drawing, if it is empty
    unit    what is pointed at: a part, and the unit, counted from 0
    """

    name: str
    type: str
    height_px: int
    query: str = ""
    unit: tuple[str, int] | None = None


SHOTS = [
    Shot("cnn", "sequential", 2000, "", ("conv1", 306)),
    Shot("dense", "sequential", 1400, "split=valid&label=4&nth=1", ("hidden", 40)),
    Shot("batch-norm", "sequential", 1300, "split=valid&label=2&nth=0", ("norm", 12)),
    Shot("lstm", "sequential", 1550, "split=valid&label=3&nth=0", ("memory", 17)),
    Shot("gru", "sequential", 1550, "split=valid&label=3&nth=0", ("memory", 5)),
    Shot("rbm", "rbm", 1700, "split=valid&label=5&nth=1", ("hidden", 25)),
    Shot("boltzmann", "boltzmann", 1350, "split=valid&label=3&nth=0", ("pixels", 27)),
    Shot("autoencoder", "autoencoder", 1500, "split=valid&label=8&nth=0", ("hidden", 60)),
    Shot("neighbours", "knn", 1450, "split=valid&label=4&nth=0", ("scores", 4)),
    Shot("machines", "svm", 1600, "split=valid&label=4&nth=0", ("pairs", 49)),
    Shot("stumps", "boosted_stumps", 1500, "split=valid&label=6&nth=0", ("scores", 6)),
    Shot("committee", "committee", 1500, "split=valid&label=4&nth=0", ("scores", 4)),
    Shot("linear", "least_squares", 1950, "split=valid&label=7&nth=0", ("outputs", 6)),
    Shot("gaussians", "quadratic_discriminant", 2300, "split=valid&label=5&nth=0", ("scores", 5)),
]
WIDTH = 1100
NARROW = Shot("cnn", "sequential", 1500, "split=valid&label=2&nth=0&target=7")
NARROW_PX = 400
TWO = [(85, 95), (110, 65), (160, 60), (190, 90), (180, 130), (130, 180), (85, 225), (200, 225)]


def main() -> None:
    """Write the pictures."""
    runs, folder, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    shots = [shot for shot in SHOTS if not names or shot.name in names]
    driver = begun(WIDTH, SHOTS[0].height_px)
    try:
        with served(Listing(runs, [RunDirectory(runs / shot.name) for shot in shots])) as base:
            for shot in shots:
                url = f"{base}/draw/{id_of(RunDirectory(runs / shot.name))}"
                _take(driver, url, shot, folder / f"{shot.name}.png")
                if shot.name == NARROW.name:
                    _take(driver, url, NARROW, folder / f"{shot.name}-dark.png", NARROW_PX, dark=True)
    finally:
        driver.quit()


def _take(driver: Any, url: str, shot: Shot, path: Path, width: int = WIDTH, dark: bool = False) -> None:
    look(driver, width, shot.height_px, dark)
    driver.get(f"{url}?{shot.query}#token={TOKEN}")
    wait_until(
        driver, "document.querySelector('#digit-buttons button') || document.querySelector('#forward:not([hidden])')"
    )
    if not shot.query:
        _draw(driver)
    wait_until(driver, "document.body.dataset.shown")
    time.sleep(1)
    if shot.unit is not None:
        _point(driver, *shot.unit)
    if driver.execute_script("return !document.getElementById('dream-tools').hidden"):
        driver.find_element("id", "dream").click()
        wait_until(driver, "document.querySelector('#dreams canvas')")
    # How long an answer took is another figure each time.
    driver.execute_script("document.getElementById('took').textContent = ''; document.activeElement.blur()")
    time.sleep(0.5)
    save(driver, path)


def _draw(driver: Any) -> None:
    from selenium.webdriver.common.actions.action_builder import ActionBuilder
    from selenium.webdriver.common.actions.pointer_input import PointerInput

    pen = PointerInput("pen", "pen")
    actions = ActionBuilder(driver, mouse=pen, duration=10)
    paper = driver.find_element("id", "paper")
    for number, (x, y) in enumerate(TWO):
        pen.create_pointer_move(origin=paper, x=x - 140, y=y - 140, duration=10)
        if number == 0:
            pen.create_pointer_down(button=0)
    pen.create_pointer_up(button=0)
    actions.perform()


def _point(driver: Any, part: str, at: int) -> None:
    driver.execute_script(
        f"const c = document.querySelector('[data-part=\"{part}\"] canvas.pointable');"
        "c.focus({preventScroll: true});"
        "for (let i = 0; i < arguments[0]; i++)"
        " c.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', cancelable: true}));"
        "c.blur(); window.scrollTo(0, 0)",
        at,
    )
    wait_until(driver, "!document.getElementById('unit').hidden")


if __name__ == "__main__":
    main()
