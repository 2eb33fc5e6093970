"""What Sphinx makes of pages: nothing is fetched, formulas are MathML, paths of the repository lead somewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the documentation is built by Sphinx")

from tests.docs.built import ROOT, TRIED, build


class _Loaded(HTMLParser):
    """Collects the addresses that a page loads by itself; where its links lead is the reader's choice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag != "a":
            self.addresses += [
                value for name, value in attributes if name in ("src", "srcset", "href", "data", "poster") and value
            ]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    out: Path = tmp_path_factory.mktemp("site")
    assert build(TRIED, out) == ""
    return out


def foreign_addresses(site: Path) -> list[str]:
    """Return what the pages and style sheets of a site load from elsewhere."""
    loaded = [address for page in site.rglob("*.html") for address in _Loaded(page.read_text()).addresses]
    for sheet in site.rglob("*.css"):
        loaded += re.findall(r"url\(\s*[\"']?([^\"')]*)", sheet.read_text())
        loaded += re.findall(r"@import\s+[\"']([^\"']*)", sheet.read_text())
    assert loaded
    return [address for address in loaded if re.match(r"(?:https?:)?//", address)]


def test_site_loads_nothing_from_elsewhere(site):
    assert foreign_addresses(site) == []


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://a.example/x.js"></script>',
        '<link rel="stylesheet" href="//a.example/x.css">',
        '<img src="http://a.example/x.png">',
    ],
)
def test_page_that_loads_something_from_elsewhere_is_noticed(tmp_path, text):
    (tmp_path / "page.html").write_text(f'{text}<a href="https://a.example">a link may lead there</a>')
    assert len(foreign_addresses(tmp_path)) == 1


def test_formulas_are_mathml(site):
    text = (site / "index.html").read_text()
    assert len(re.findall(r'<math [^>]*display="inline">', text)) == 1
    assert len(re.findall(r'<math [^>]*display="block">', text)) == 2
    assert text.count("<mtr>") == 2  # the lines that are aligned
    assert '<span class="eqno">(1)' in text
    assert "MathJax" not in text


@pytest.mark.parametrize("formula", [r"\unheard{x}", "a & b", r"\left(x"])
def test_formula_that_cannot_be_shown_is_an_error_at_its_line(tmp_path, formula):
    (tmp_path / "index.md").write_text(f"# A title\n\nA word, and ${formula}$.\n")
    complaint = build(tmp_path, tmp_path / "out")
    assert "index.md:3: WARNING: cannot show the formula" in complaint


def test_link_between_documents_of_the_root_leads_to_the_page_that_includes_it(site):
    assert '<a class="reference internal" href="contributing.html">' in (site / "architecture.html").read_text()
    assert '<a class="reference internal" href="architecture.html">' in (site / "contributing.html").read_text()


def test_link_to_a_source_file_becomes_code(site):
    text = re.sub("<[^>]*>", "", (site / "index.html").read_text())
    assert "See the kernels (mnistnn/kernels/dense.py) and mnistnn/kernels/dense.py." in text
    assert not (site / "_downloads").exists()


def test_picture_of_a_document_of_the_root_is_copied(site):
    assert '<img alt="steps in multiples of the limit" src="_images/' in (site / "benchmarks.html").read_text()


def test_link_that_leads_nowhere_is_an_error(tmp_path):
    (tmp_path / "index.md").write_text("# A title\n\nSee [a page](missing.md).\n")
    assert "missing.md" in build(tmp_path, tmp_path / "out")


def test_documentation_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    assert build(ROOT / "docs", tmp_path) == ""
    assert foreign_addresses(tmp_path) == []
