"""The browser that takes pictures of pages; called by itself, it says what is missing, before anything is trained."""

import shutil
import sys
from typing import Any

_NEEDED = ("chromium", "chromedriver")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
)


def missing() -> str | None:
    """Say what pictures need and is not here; None if nothing is."""
    lacking = [name for name in _NEEDED if shutil.which(name) is None]
    if not lacking:
        return None
    return (
        f"error: pictures of pages need {' and '.join(lacking)}, which PATH does not lead to; on Debian: "
        "apt-get install chromium chromium-driver"
    )


def begun(width: int, height: int, dark: bool = False) -> Any:
    """Return a browser without a window. Ends the process if there is none."""
    if (why := missing()) is not None:
        sys.exit(why)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which(_NEEDED[0]) or ""
    for option in _OPTIONS:
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which(_NEEDED[1])))
    look(driver, width, height, dark)
    return driver


def look(driver: Any, width: int, height: int, dark: bool = False) -> None:
    """Let pages be so large, and light or dark."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


if __name__ == "__main__":
    sys.exit(missing())
