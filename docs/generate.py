"""Write the pages of the reference that follow from the program: generate.py [FOLDER].

They are kept in docs/reference, and `make docs` renews them; a test fails while one is stale.
"""

import sys
from pathlib import Path

from generator import commands, examples, keys, python

PAGES = {
    "commands.md": commands.page_of_commands,
    "keys.md": keys.page_of_keys,
    "examples.md": examples.page_of_examples,
    "python.md": python.page_of_python,
}


def main() -> None:
    """Write all pages."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


main()
