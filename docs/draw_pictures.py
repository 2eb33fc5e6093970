"""Take the pictures of the page "Draw a digit", one for each kind of model: draw_pictures.py RUNS FOLDER.

RUNS has a run of each name in `PICTURES`; the Makefile trains them.
"""

import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.web.model.stand_in_app import stand_in_app

# The run, the picture's height in px, the query, and what is pointed at: a part, and the unit.
PICTURES: list[tuple[str, int, str, tuple[str, int] | None]] = [
    ("cnn", 1600, "", ("conv1", 306)),
    ("dense", 1350, "split=valid&label=4&nth=1", ("hidden", 40)),
    ("batch-norm", 1250, "split=valid&label=2&nth=0", ("norm", 12)),
    ("lstm", 1500, "split=valid&label=3&nth=0", ("memory", 17)),
    ("gru", 1500, "split=valid&label=3&nth=0", ("memory", 5)),
    ("rbm", 1350, "split=valid&label=5&nth=1", None),
    ("autoencoder", 1400, "split=valid&label=8&nth=0", None),
    ("neighbours", 1050, "split=valid&label=4&nth=0", None),
    ("machines", 1450, "split=valid&label=4&nth=0", None),
    ("stumps", 1350, "split=valid&label=6&nth=0", None),
    ("committee", 1050, "split=valid&label=4&nth=0", None),
    ("linear", 1350, "split=valid&label=7&nth=0", None),
]
WIDTH = 1100
NARROW = ("cnn", 400, 1500)  # again, dark and narrow
TWO = [(85, 95), (110, 65), (160, 60), (190, 90), (180, 130), (130, 180), (85, 225), (200, 225)]


def main() -> None:
    """Write the pictures."""
    runs, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    app = stand_in_app({name: runs / name for name, *_ in PICTURES})
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    driver = _browser()
    try:
        for name, height, query, unit in PICTURES:
            _open(driver, f"{address}/draw/{name}?{query}", WIDTH, height, dark=False)
            _shown(driver, unit, is_drawn=not query)
            _save(driver, folder / f"{name}.png")
        name, width, height = NARROW
        _open(driver, f"{address}/draw/{name}?split=valid&label=2&nth=0&target=7", width, height, dark=True)
        _shown(driver, None, is_drawn=False)
        _save(driver, folder / f"{name}-dark.png")
    finally:
        driver.quit()
        server.should_exit = True
        thread.join()


def _browser() -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(option)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))


def _open(driver: Any, url: str, width: int, height: int, dark: bool) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    driver.get(url)
    _until(driver, "document.querySelector('#digit-buttons button')")


def _shown(driver: Any, unit: tuple[str, int] | None, is_drawn: bool) -> None:
    """Wait until the answer is there, and point at a unit; let chains dream on where there are some."""
    if is_drawn:
        pen = PointerInput("pen", "pen")
        actions = ActionBuilder(driver, mouse=pen, duration=10)
        paper = driver.find_element("id", "paper")
        for number, (x, y) in enumerate(TWO):
            pen.create_pointer_move(origin=paper, x=x - 140, y=y - 140, duration=10)
            if number == 0:
                pen.create_pointer_down(button=0)
        pen.create_pointer_up(button=0)
        actions.perform()
    _until(driver, "document.body.dataset.answered")
    time.sleep(1)
    if unit is not None:
        part, at = unit
        driver.execute_script(
            f"const c = document.querySelector('[data-part={part}] canvas.pointable');"
            "c.focus({preventScroll: true});"
            "for (let i = 0; i < arguments[0]; i++)"
            " c.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', cancelable: true}));"
            "c.blur(); window.scrollTo(0, 0)",
            at,
        )
        _until(driver, "!document.getElementById('unit').hidden")
    if driver.execute_script("return !document.getElementById('dream-tools').hidden"):
        driver.find_element("id", "dream").click()
        _until(driver, "document.querySelector('#dreams canvas')")
    # How long an answer took is another figure each time.
    driver.execute_script("document.getElementById('took').textContent = ''")
    time.sleep(0.5)


def _until(driver: Any, script: str) -> None:
    end = time.monotonic() + 60
    while not driver.execute_script(f"return {script}"):
        if time.monotonic() > end:
            raise SystemExit(f"never: {script}")
        time.sleep(0.05)


def _save(driver: Any, path: Path) -> None:
    """Write what is seen, with 128 colours: a third of the bytes."""
    driver.save_screenshot(str(path))
    Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


main()
