"""ARCHITECTURE.md and CONTRIBUTING.md: short, and right about where things are."""

import re
from pathlib import Path

import pytest

from tests.test_imports import PLACES

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("ARCHITECTURE.md", "CONTRIBUTING.md")
BELOW = (ROOT, ROOT / "mnistnn", ROOT / "tests")
"""Folders that a path may begin in."""


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_path_that_is_named_exists(name):
    named = [path for path in re.findall(r"`([\w./-]+)`", text_of(name)) if re.search(r"/.*\.(py|yaml)$|/$", path)]
    assert named
    assert [path for path in named if not any((folder / path).exists() for folder in BELOW)] == []


def test_architecture_has_each_place_at_its_level_of_import():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", text_of("ARCHITECTURE.md"), re.MULTILINE)
    assert {place: int(level) - 1 for level, place in rows} == PLACES


def test_architecture_stays_short():
    assert len(text_of("ARCHITECTURE.md").encode()) <= 12_000
