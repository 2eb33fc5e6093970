"""Every fence of the documentation does what the page says. How fences are written: `fences.py`."""

from pathlib import Path

import pytest

pytest.importorskip("sybil", reason="pages are read by sybil")

from tests.docs.fences import fences
from tests.docs.page_run import ROOT, PageRun

PAGES = ["README.md", *(str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("docs/**/*.md")))]
SLOW = [page for page in PAGES if any("slow" in fence.notes for fence in fences(ROOT / page))]


def _assert_right(page: str, folder: Path, slow: bool, record_property) -> None:
    done = PageRun(ROOT / page, folder, slow).run()
    record_property("fences", dict(done.counts))
    assert not done.failures, "\n\n".join(["", *done.failures])


@pytest.mark.usefixtures("real_mnist")
@pytest.mark.parametrize("page", PAGES)
def test_page_is_right(page, tmp_path, record_property):
    _assert_right(page, tmp_path, False, record_property)


@pytest.mark.slow
@pytest.mark.usefixtures("real_mnist")
@pytest.mark.parametrize("page", SLOW)
def test_page_with_slow_fences_is_right(page, tmp_path, record_property):
    _assert_right(page, tmp_path, True, record_property)
