"""A small collection of experiments on the toy set."""

from pathlib import Path

import pytest

FOLDER = Path("experiments")
WIDE = "expect: {test_error: [0, 1], source: chance}\n"


@pytest.fixture
def collection(toy):
    """Write a small collection: two groups, a file of its own, a base, a file without a claim."""

    def file(place, name, claim=WIDE):
        path = FOLDER / place
        path.parent.mkdir(parents=True, exist_ok=True)
        text = toy.read_text().replace("name: toy", f"name: {name}").replace("epochs: 6", "epochs: 2")
        path.write_text(text + claim)

    file("base/net.yaml", "base-net", claim="")
    file("one/a.yaml", "one-a")
    file("one/b.yaml", "one-b")
    file("one/silent.yaml", "one-silent", claim="")
    file("two/c.yaml", "two-c")
    file("own.yaml", "own")
    (FOLDER / "quick.txt").write_text("# what is quick\ntwo\nown.yaml  # a file\n")
    return file
