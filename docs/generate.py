"""Write the pages that follow from the program, from records, and from lists of the course: generate.py [FOLDER].

They are kept in docs, and `make docs` renews them; tests fail while one is stale. With a folder, they are written there
instead. The blocks and pictures of docs/course, which are renewed without a folder only, are described in
docs/generator/course.py.
"""

import sys
from pathlib import Path

from generator import commands, course, coverage, data_sets, examples, keys, mistakes_page, python

DOCS = Path(__file__).parent
PAGES = {
    "course/coverage.md": coverage.page_of_coverage,
    "explanation/sources.md": mistakes_page.page_of_mistakes,
    "reference/commands.md": commands.page_of_commands,
    "reference/keys.md": keys.page_of_keys,
    "reference/data-sets.md": data_sets.page_of_data_sets,
    "reference/examples.md": examples.page_of_examples,
    "reference/python.md": python.page_of_python,
}


def main() -> None:
    """Write all pages; exit with 1 if there is a block that cannot be filled."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    for name, page in PAGES.items():
        _write(folder / name, page())
    if folder == DOCS:
        _renew_course()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _renew_course() -> None:
    made = course.made(DOCS)
    for path, text in made.files.items():
        _write(path, text)
    for path in made.left_over:
        path.unlink()
    if made.mistakes:
        sys.exit("\n".join(f"error: {each}" for each in made.mistakes))


main()
