"""The pictures of the page "Draw a digit": there is one of each kind of model, and the page of `docs/` shows it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mnistnn.models import AnyFittedModel, AnyModel
from tests.test_registry import members

pytest.importorskip("starlette", reason="the script serves the page")
DOCS = Path(__file__).parents[2] / "docs"
KINDS: list[Any] = [*members(AnyModel), *members(AnyFittedModel)]
TYPES = [kind.__dataclass_fields__["type"].default for kind in KINDS]


def shots():
    from docs.draw_pictures import SHOTS

    return SHOTS


@pytest.mark.parametrize("kind", TYPES)
def test_every_kind_of_model_has_a_picture_that_a_page_shows(kind):
    page = (DOCS / "how-to" / "draw-a-digit.md").read_text(encoding="utf-8")
    names = [shot.name for shot in shots() if shot.type == kind]
    assert names, f"add a picture of {kind} to SHOTS in docs/draw_pictures.py, and its run to the Makefile"
    assert any(f"(../pictures/page/{name}.png)" in page for name in names)


def test_every_picture_is_there_and_its_run_is_trained_by_make():
    makefile = (DOCS.parent / "Makefile").read_text(encoding="utf-8")
    for shot in shots():
        assert (DOCS / "pictures" / "page" / f"{shot.name}.png").exists()
        assert f"$(DRAWN)/{shot.name}\n" in makefile
    assert "$(MAKE) drawn" in makefile.split("\npictures:")[1].split("\ndrawn:")[0]


def test_missing_browser_is_said_before_anything_is_trained(tmp_path):
    done = subprocess.run(
        [sys.executable, DOCS / "browser.py"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "need chromium and chromedriver" in done.stderr
    assert "apt-get install chromium chromium-driver" in done.stderr
