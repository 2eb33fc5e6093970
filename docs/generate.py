"""Write the pages of the reference, and what the course has of records: generate.py [FOLDER].

The reference follows from the program. It is kept in docs/reference, or written to FOLDER and nothing else; the blocks
and pictures of docs/course are described in docs/generator/course.py. `make docs` renews all of it, and tests fail
while anything is stale.
"""

import sys
from pathlib import Path

from generator import commands, course, examples, keys, python

DOCS = Path(__file__).parent
PAGES = {
    "commands.md": commands.page_of_commands,
    "keys.md": keys.page_of_keys,
    "examples.md": examples.page_of_examples,
    "python.md": python.page_of_python,
}


def main() -> None:
    """Write all pages; exit with 1 if there is a block that cannot be filled."""
    elsewhere = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    folder = DOCS / "reference" if elsewhere is None else elsewhere
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
    if elsewhere is None:
        _renew_course()


def _renew_course() -> None:
    made = course.made(DOCS)
    for path, text in made.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in made.left_over:
        path.unlink()
    if made.mistakes:
        sys.exit("\n".join(f"error: {each}" for each in made.mistakes))


main()
