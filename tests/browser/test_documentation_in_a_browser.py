"""The documentation in Chromium, opened from files: it is searched, and commands are copied without what they print."""

import pytest

pytest.importorskip("sphinx", reason="the documentation is built by Sphinx")

from selenium.webdriver.support.wait import WebDriverWait

from tests.docs.built import TRIED, build

# One worker keeps the one browser of this file.
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    assert build(TRIED, out) == ""
    return out


def test_search_finds_pages_without_a_server(site, browser):
    browser.open(site / "index.html")
    browser.find("input.sidebar-search")[0].send_keys("checkpoint\n")
    WebDriverWait(browser.driver, 60).until(lambda driver: browser.find("#search-results li"))
    assert "Architecture" in [found.text for found in browser.find("#search-results li a")]
    assert browser.complaints() == []


def test_page_loads_only_files_beside_it(site, browser):
    browser.open(site / "index.html")
    assert browser.complaints() == []
    assert all(address.startswith(site.as_uri()) for address in browser.requests())
    assert browser.run("return document.querySelector('math mfrac').getBoundingClientRect().height") > 20


def test_command_is_copied_without_its_prompt_and_output(site, browser):
    browser.open(site / "index.html")
    WebDriverWait(browser.driver, 60).until(lambda driver: browser.find(".highlight-console .copybtn"))
    browser.run("document.addEventListener('copy', () => window.copied = document.activeElement.value)")
    browser.find(".highlight-console .copybtn")[0].click()
    assert browser.run("return window.copied") == "mnistnn train mlp \\\n    --epochs 1"
