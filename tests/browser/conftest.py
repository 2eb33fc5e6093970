"""A real browser: Chromium without a window, driven by Selenium, cut off from the network."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--proxy-server=127.0.0.1:9",  # nobody listens there: whatever a page asks of a network fails
    "--proxy-bypass-list=<-loopback>",
)


class Browser:
    """Opens pages from files, and tells what they did."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, width: int = 1200, height: int = 1000, dark: bool = False) -> None:
        """Open a page, as on a screen of so many px."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get_log("performance")  # what came before is none of this page's
        self.driver.get_log("browser")
        self.driver.get(page.resolve().as_uri())

    def run(self, script: str) -> Any:
        """Return what a script in the page returns. (The driver may; the page's own policy does not bind it.)"""
        return self.driver.execute_script(script)

    def find(self, selector: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", selector))

    def requests(self) -> list[str]:
        """Return the addresses that the page has asked for, its own and `data:` left out."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if url != self.driver.current_url and not url.startswith("data:")]

    def complaints(self) -> list[str]:
        """Return what stands in the console: errors, warnings, violations of the page's policy."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed: pip install --group dev")
    program, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if program is None or driver is None:
        pytest.skip("the page was not tried in a browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (*_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        chromium.set_page_load_timeout(60)
        chromium.execute_cdp_cmd("Network.enable", {})
        yield Browser(chromium)
    finally:
        chromium.quit()
