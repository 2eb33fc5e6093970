"""Take a picture of a page from a file, as wide as asked for: screenshot.py PAGE PNG WIDTH HEIGHT [dark]."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.browser import begun


def main() -> None:
    """Write the picture."""
    page, picture, width, height, *dark = sys.argv[1:]
    driver = begun(int(width), int(height), bool(dark))
    try:
        driver.get(Path(page).resolve().as_uri())
        driver.save_screenshot(picture)
    finally:
        driver.quit()


main()
