"""Take a picture of a page from a file, as wide as asked for: screenshot.py PAGE PNG WIDTH HEIGHT [dark]."""

import shutil
import sys
from pathlib import Path

from selenium import webdriver


def main() -> None:
    """Write the picture."""
    page, picture, width, height, *dark = sys.argv[1:]
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--hide-scrollbars",
    ):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        size = {"width": int(width), "height": int(height), "deviceScaleFactor": 1, "mobile": int(width) < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        driver.get(Path(page).resolve().as_uri())
        driver.save_screenshot(picture)
    finally:
        driver.quit()


main()
