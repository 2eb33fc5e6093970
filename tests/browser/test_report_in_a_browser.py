"""The HTML report in Chromium: it renders, stays within narrow screens, follows dark mode, and nothing leaves it."""

import shutil
from pathlib import Path

import pytest

# One worker keeps the one browser of this file.
pytestmark = pytest.mark.xdist_group("browser")

HOSTILE = "<img src=x onerror=alert(1)>&\"'\u202e"


@pytest.fixture
def page(toy, start, command):
    """A report of two seeds of an experiment, of a variant, and of a torn run under a hostile name."""
    pytest.importorskip("jinja2")
    pytest.importorskip("PIL")
    for seed in (0, 1):
        start(toy, f"seed={seed}", path=f"runs/seed-{seed}")
    start(toy, "optimizer.learning_rate=0.02", "evaluation.train_error=true", path=f"runs/{HOSTILE}")
    assert command("eval", "runs/seed-0").code == 0
    shutil.copytree("runs/seed-0", Path("runs") / f"torn {HOSTILE}")
    (Path("runs") / f"torn {HOSTILE}" / "run.json").write_text('"</script><script>alert(2)</script>')
    done = command("report", "runs", "--out", "r.html")
    assert done.code == 0, done.err
    return Path("r.html")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_page_renders_without_asking_for_anything_or_complaining(page, browser, width, dark):
    browser.open(page, width, dark=dark)
    assert browser.complaints() == []
    assert browser.requests() == []
    assert [heading.text for heading in browser.find("h2")][:2] == ["Results", "Learning curves"]
    assert len(browser.find(".chart")) == 2
    assert all(chart.size["width"] > 300 for chart in browser.find(".chart svg[role=img]"))
    assert browser.run("return [...document.images].every(image => image.complete && image.naturalWidth > 0)")


@pytest.mark.parametrize("width", [1200, 400, 320])
def test_page_is_no_wider_than_the_screen(page, browser, width):
    browser.open(page, width)
    browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
    assert browser.run("return document.documentElement.scrollWidth") <= width


@pytest.fixture
def wide_page(toy, start, command):
    """A report whose tables are as wide as they get: long names, several seeds, figures that vary."""
    pytest.importorskip("jinja2")
    pytest.importorskip("PIL")
    for name in ("course-few-digits", "course-few-digits-dropout", "a_name_without_any_place_where_it_may_be_broken"):
        for seed in (0, 1):
            start(
                toy,
                f"name={name}",
                f"seed={seed}",
                f"optimizer.learning_rate=0.{len(name)}",
                path=f"runs/{name}-{seed}",
            )
    assert command("eval", "runs/course-few-digits-0").code == 0
    assert command("report", "runs", "--out", "r.html").code == 0
    return Path("r.html")


@pytest.mark.parametrize("width", [1100, 800, 720])
def test_no_table_is_cut(wide_page, browser, width):
    browser.open(wide_page, width)
    browser.run("for (const part of document.querySelectorAll('details')) part.open = true")
    tables = browser.run(
        "return [...document.querySelectorAll('section > .wide, section > details > .wide')].map(each => "
        "[each.querySelector('th').textContent, each.scrollWidth, each.clientWidth])"
    )
    assert {"experiment", "key", "run"} <= {heading for heading, _, _ in tables}
    assert [table for table in tables if table[1] > table[2]] == []


def test_no_figure_is_broken_inside_a_word(wide_page, browser):
    browser.open(wide_page, 720)
    assert browser.run(BROKEN_WORDS % ".cards tbody td") == []
    assert browser.run(BROKEN_WORDS % ".cards tbody th bdi") == ["a_name_without_any_place_where_it_may_be_broken"]


# The words that stand on several lines, of texts in one piece.
BROKEN_WORDS = """
const lines = (text, word) => {
  const range = document.createRange();
  range.setStart(text, word.index);
  range.setEnd(text, word.index + word[0].length);
  return new Set([...range.getClientRects()].map(each => each.top)).size;
};
return [...document.querySelectorAll("%s")].flatMap(({firstChild: text}) =>
  [...text.data.matchAll(/[^\\s-]+/g)].filter(word => lines(text, word) > 1).map(word => word[0]));
"""


@pytest.mark.parametrize("width", [1200, 400, 320])
def test_page_of_a_committee_is_no_wider_than_the_screen_and_complains_of_nothing(fitted_run, command, browser, width):
    pytest.importorskip("jinja2")
    pytest.importorskip("PIL")
    fitted_run("voters")
    assert command("report", "run", "--out", "r.html").code == 0
    browser.open(Path("r.html"), width)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert [heading.text for heading in browser.find("h3")][:2] == [
        "Members of the committee",
        "Misclassified by all members",
    ]
    assert browser.complaints() == []
    assert browser.requests() == []


def test_text_on_charts_stays_legible_on_a_narrow_screen(page, browser):
    browser.open(page, 400)
    heights = browser.run("return [...document.querySelectorAll('.tick')].map(t => t.getBoundingClientRect().height)")
    assert min(heights) > 9


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_contrasts_with_the_paper(page, browser, dark):
    browser.open(page, dark=dark)
    for selector in ("h1", ".note", "td", ".config", ".config strong", "mark", ".tick"):
        ratio = browser.run(CONTRAST % selector)
        assert ratio >= 4.5, (selector, ratio)


# The contrast of a text with what is behind it, as WCAG 2 has it.
CONTRAST = """
const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
  .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
let element = document.querySelector("%s");
const style = getComputedStyle(element);
const text = luminance(numbers(element instanceof SVGElement ? style.fill : style.color));
while (!numbers(getComputedStyle(element).backgroundColor).concat(1)[3]) element = element.parentElement;
const paper = luminance(numbers(getComputedStyle(element).backgroundColor));
return (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05);
"""


def test_dark_mode_is_dark(page, browser):
    browser.open(page, dark=True)
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"


def test_values_under_the_pointer_are_shown_and_go_away(page, browser):
    from selenium.webdriver import ActionChains

    browser.open(page)
    chart, heading = browser.find(".chart svg[role=img]")[0], browser.find("h1")[0]
    ActionChains(browser.driver).move_to_element(chart).perform()
    said = browser.find(".chart .values")[0].text
    assert said.startswith("epoch ")
    assert "valid" in said
    assert "±" in said  # of the two seeds
    ActionChains(browser.driver).move_to_element(heading).perform()
    assert browser.find(".chart .values")[0].text == ""


def test_values_are_read_off_by_arrow_keys(page, browser):
    from selenium.webdriver import Keys

    browser.open(page)
    chart, said = browser.find(".chart svg[role=img]")[0], browser.find(".chart .values")[0]
    places = []
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.END, Keys.HOME):
        chart.send_keys(key)
        places.append(int(said.text.split()[1]))
    assert places[:3] == [1, 2, 1]
    assert places[3] > 2
    assert places[4] == 1


def test_curve_is_hidden_and_shown_by_its_button_in_all_charts(page, browser):
    browser.open(page)
    button = browser.find(".legend button")[0]
    name = button.get_attribute("data-curve")
    lines = [line for line in browser.find("path.line[data-curve]") if line.get_attribute("data-curve") == name]
    assert len(lines) == 2
    for pressed in ("false", "true"):
        button.send_keys(" ")
        assert button.get_attribute("aria-pressed") == pressed
        assert [line.is_displayed() for line in lines] == [pressed == "true"] * 2


def test_hostile_names_are_text_and_nothing_else(page, browser):
    browser.open(page)
    assert browser.find("img[src=x]") == []
    assert browser.run("return document.scripts.length") == 1
    assert HOSTILE in browser.run("return document.body.textContent")


def test_page_forbids_what_it_does_not_need(page, browser):
    browser.open(page)
    browser.run("const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)")
    browser.run("new Image().src = 'http://127.0.0.1:9/pixel'")
    assert browser.run("return window.ran") is None
    assert [text for text in browser.complaints() if "Content Security Policy" in text]
