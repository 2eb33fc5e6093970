"""The page "Draw a digit" in a real browser: drawn by mouse, pen and finger, read by keyboard, narrow and dark."""

import base64
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.web.test_guard import TOKEN

ROOT = Path(__file__).parents[3]
WAIT_S = 30
SEVEN = [(70, 70), (200, 70), (170, 140), (130, 220)]


class Page:
    """The page of a run."""

    def __init__(self, driver: Any, url: str) -> None:
        self.driver, self.url = driver, url

    def open(self, query: str = "", width: int = 1200, dark: bool = False, fragment: str = "") -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get("about:blank")  # else only the fragment changes, which loads nothing
        self.driver.get(f"{self.url}{query}{fragment or f'#token={TOKEN}'}")
        self.until(
            "document.querySelectorAll('#digit-buttons button').length || !document.getElementById('problem').hidden"
        )

    def run(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def until(self, script: str) -> None:
        end = time.monotonic() + WAIT_S
        while not self.run(script):
            assert time.monotonic() < end, f"never: {script}\n{self.driver.get_log('browser')}"
            time.sleep(0.03)

    def find(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        return str(self.find(selector).text)

    @property
    def answered(self) -> int:
        return int(self.run("document.body.dataset.shown ?? 0"))

    def after(self, number: int) -> None:
        """Wait for an answer to a later question, and until none is under way."""
        self.until(f"Number(document.body.dataset.shown ?? 0) > {number}")
        time.sleep(0.3)

    def draw(self, points: list[tuple[int, int]], kind: str = interaction.POINTER_MOUSE) -> None:
        paper, before = self.find("#paper"), self.answered
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", paper)
        box = paper.rect
        pointer = PointerInput(kind, f"a {kind}")
        actions = ActionBuilder(self.driver, mouse=pointer, duration=20)
        for number, (x, y) in enumerate(points):
            at = {"x": round((x - 140) * box["width"] / 280), "y": round((y - 140) * box["height"] / 280)}
            pointer.create_pointer_move(origin=paper, duration=20, **at)
            if number == 0:
                pointer.create_pointer_down(button=0)
        pointer.create_pointer_up(button=0)
        actions.perform()
        self.after(before)

    def sheet(self, canvas: str = "paper") -> Image.Image:
        """Return the drawing as it is seen."""
        url = self.run(f"document.getElementById('{canvas}').toDataURL('image/png')")
        return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))

    def scores(self) -> dict[str, float]:
        return {
            row.find_element(By.TAG_NAME, "th").text: float(row.get_attribute("data-score"))
            for row in self.driver.find_elements(By.CSS_SELECTOR, "#scores tr[data-score]")
        }

    def hosts(self) -> set[str]:
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return {url.split("/")[2] for url in urls if url.startswith("http")}

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture
def page(toy, start, served, driver):
    start(toy, "stopping.max_epochs.epochs=3", "checkpoint.keep_last=5")
    return Page(driver, served(Path("run")))


@pytest.fixture(autouse=True)
def whole_window(driver):
    yield
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.get("about:blank")


@pytest.mark.parametrize("kind", [interaction.POINTER_MOUSE, interaction.POINTER_PEN, interaction.POINTER_TOUCH])
def test_drawing_is_answered_as_predict_answers_the_saved_picture(page, command, kind):
    page.open()
    page.draw(SEVEN, kind)
    page.sheet("sent").save("digit.png")  # which is what "Save as PNG" saves
    (expected,) = json.loads(command("predict", "run", "digit.png", "--json").out)["images"]
    assert page.scores() == {each["class"]: each["probability"] for each in expected["classes"]}
    assert page.complaints() == []


def test_sheet_does_not_scroll_under_a_finger(page):
    page.open(width=400)
    page.find("#paper")
    page.driver.execute_script("document.getElementById('paper').scrollIntoView({block: 'center'})")
    before = page.run("window.scrollY")
    page.draw([(140, 60), (140, 240)], interaction.POINTER_TOUCH)
    assert page.run("window.scrollY") == before
    assert np.array(page.sheet().convert("L"))[150, 140] < 40


def test_strokes_are_undone_one_by_one_and_an_empty_sheet_has_no_answer(page):
    page.open()
    page.draw([(60, 60), (60, 200)])
    one = np.array(page.sheet())
    page.draw([(200, 60), (200, 200)])
    before = page.answered
    page.find("#undo").click()
    page.after(before)
    np.testing.assert_array_equal(np.array(page.sheet()), one)
    page.find("#clear").click()
    page.until("!document.querySelector('#scores tr')")
    assert "An empty sheet has no answer" in page.text("#answer-said")
    assert not page.find("#undo").is_enabled()
    assert page.run("document.getElementById('forward').hidden")


def test_stroke_is_as_wide_as_is_asked_for(page):
    page.open()
    page.driver.execute_script(
        "const s = document.getElementById('stroke'); s.value = 40; s.dispatchEvent(new Event('input'))"
    )
    page.draw([(140, 60), (140, 220)])
    row = np.array(page.sheet().convert("L"))[140]
    assert int((row < 128).sum()) == pytest.approx(40, abs=1)
    assert page.text("#stroke-px") == "40 px"


def test_everything_is_reached_by_keyboard(page):
    page.open()
    page.find("#digit-buttons button:nth-child(3)").send_keys(Keys.ENTER)
    page.after(0)
    assert "split" in page.text("#digit-said")
    canvas = page.find("canvas.pointable")
    assert canvas.get_attribute("role") == "img"
    assert "Arrow keys move from unit to unit" in canvas.get_attribute("aria-label")
    canvas.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    page.until("document.getElementById('unit-heading').textContent.includes('hidden[2]')")
    page.until("document.querySelectorAll('#unit-body .formula').length > 2")
    Select(page.find("#target")).select_by_visible_text("a 1")
    page.until("document.querySelectorAll('#backward-parts .part').length === 2")
    assert page.text("#backward-said").startswith("If it should be a 1, the loss is ")
    page.until("[...document.querySelectorAll('#unit-body b')].some((b) => b.textContent === 'dW')")
    assert page.complaints() == []


def test_each_picture_has_its_numbers_beside_it(page):
    page.open("?split=valid&label=1&nth=0")
    page.after(0)
    figures = page.driver.find_elements(By.CSS_SELECTOR, "#parts figure.picture")
    assert figures
    for figure in figures:
        details = figure.find_element(By.TAG_NAME, "details")
        page.driver.execute_script("arguments[0].open = true", details)
    page.until("[...document.querySelectorAll('#parts details')].every((d) => d.querySelector('table'))")
    shown = page.run("[...document.querySelectorAll('[data-part=output] td')].map((td) => td.textContent)")
    assert len(shown) == 4
    z = np.array([float(text.replace("−", "-")) for text in shown])
    p = np.exp(z - z.max()) / np.exp(z - z.max()).sum()
    np.testing.assert_allclose(p, list(page.scores().values()), rtol=5e-3, atol=1e-4)


def test_no_picture_is_without_a_name_and_numbers(page):
    page.open("?target=1&layer=hidden&unit=2")
    page.draw(SEVEN)
    page.until("!document.getElementById('unit').hidden")
    bare = page.run(
        "[...document.querySelectorAll('main canvas')].filter((c) => !c.closest('.sheet')"
        " && !(c.getAttribute('aria-label') && c.closest('figure')?.querySelector('details'))).length"
    )
    assert bare == 0
    assert page.run("document.querySelectorAll('#steps figure').length") == 2


def test_picture_is_as_strong_as_its_numbers_and_marks_what_feeds_a_unit(page):
    page.open("?split=valid&label=1&nth=0")
    page.after(0)
    page.driver.execute_script("document.querySelector('[data-part=output] canvas').focus()")
    page.until("!document.getElementById('unit').hidden")
    colours = page.run(
        "(() => { const c = document.querySelector('[data-part=output] canvas'), side = c.width / 4;"
        "const all = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "return [1, 2, 3].map((i) => { const at = 4 * (Math.floor(side / 2) * c.width + Math.floor((i + .5) * side));"
        "return [all[at], all[at + 1], all[at + 2]]; }); })()"
    )
    signs = [
        float(text.replace("−", "-")) >= 0
        for text in page.driver.execute_script(
            "const d = document.querySelector('[data-part=output] details'); d.open = true;"
            "d.dispatchEvent(new Event('toggle'));"
            "return [...d.querySelectorAll('td')].map((td) => td.textContent)"
        )
    ][1:4]
    for (red, _, blue), is_above in zip(colours, signs, strict=True):
        assert (blue >= red) == is_above


def test_link_brings_the_same_view_and_not_the_token(page):
    page.open()
    page.draw(SEVEN)
    page.draw([(90, 200), (190, 210)])
    Select(page.find("#target")).select_by_visible_text("a 2")
    page.until("document.querySelectorAll('#backward-parts .part').length === 2")
    page.find("[data-part=hidden] canvas.pointable").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    page.until("document.getElementById('unit-heading').textContent.includes('hidden[3]')")
    scores, sheet, before = page.scores(), np.array(page.sheet()), page.text("#backward-said")
    page.driver.execute_script("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.find("#copy-link").click()
    page.until("window.copied")
    link = page.run("window.copied")
    assert TOKEN not in link
    assert link == page.driver.current_url
    page.driver.get("about:blank")
    page.driver.get(link)
    page.after(0)
    page.until("document.getElementById('unit-heading').textContent.includes('hidden[3]')")
    np.testing.assert_array_equal(np.array(page.sheet()), sheet)
    assert (page.scores(), page.text("#backward-said")) == (scores, before)
    page.find("#undo").click()  # the strokes came, not their picture alone
    page.after(1)
    assert sheet[208, 170, 0] == 0
    assert np.array(page.sheet())[208, 170, 0] == 255
    assert page.complaints() == []


def test_tab_without_the_token_asks_for_the_address(page):
    page.open("?split=valid&label=1&nth=0")
    page.after(0)
    page.driver.switch_to.new_window("tab")
    try:
        page.driver.get(f"{page.url}?split=valid&label=1&nth=0")
        page.until("!document.getElementById('token-form').hidden")
        assert "the token is missing" in page.text("#problem")
        page.find("#token").send_keys(f"http://127.0.0.1:8000/#token={TOKEN}", Keys.ENTER)
        page.after(0)
        assert page.run("document.getElementById('token-form').hidden")
        assert TOKEN not in page.driver.current_url
    finally:
        page.driver.get_log("browser")
        page.driver.close()
        page.driver.switch_to.window(page.driver.window_handles[0])


@pytest.mark.parametrize("text", ["!!", "AAAA", "EgM", "_" * 60, "ErCcAQ"])
def test_link_with_a_drawing_that_is_none_is_told_and_draws_nothing(page, text):
    page.open()
    page.open(fragment=f"#drawing={text}")
    page.until("!document.getElementById('problem').hidden")
    assert "the link's drawing" in page.text("#problem")
    assert np.array(page.sheet().convert("L")).min() == 255
    assert page.complaints() == []


def test_answer_about_a_digit_that_comes_late_is_not_painted_over_what_is_drawn_by_then(page):
    page.open()
    page.driver.execute_script(
        "const ask = window.fetch; window.fetch = async (url, options) => { const reply = await ask(url, options);"
        "if (url.includes('label=')) { await new Promise((done) => setTimeout(done, 1500)); window.came = true; }"
        "return reply; }"
    )
    page.find("#digit-buttons button").click()
    page.draw([(200, 60), (200, 220)])
    assert page.run("window.came")
    seen = np.array(page.sheet().convert("L"))
    assert seen[140, 200] == 0
    assert seen[:, :150].min() == 255
    assert "split=" not in page.driver.current_url


def test_keys_on_the_paper_take_a_digit_and_draw_otherwise(page):
    page.open()
    page.draw([(60, 60), (60, 200)])
    page.draw([(200, 60), (200, 200)])
    paper, width = page.find("#paper"), int(page.find("#stroke").get_attribute("value"))
    paper.send_keys("+", "+", "-")
    assert page.text("#stroke-px") == f"{width + 2} px"
    before = page.answered
    paper.send_keys("z")
    page.after(before)
    assert np.array(page.sheet().convert("L"))[100, 200] == 255
    paper.send_keys(Keys.DELETE)
    page.until("!document.querySelector('#scores tr')")
    paper.send_keys("2")
    page.after(before + 1)
    assert "split=valid&label=2&nth=0" in page.driver.current_url
    assert page.complaints() == []


def test_slider_answers_by_an_older_checkpoint_and_the_address_keeps_it(page):
    page.open("?split=valid&label=1&nth=0")
    page.after(0)
    best, before = page.scores(), page.answered
    page.find("#checkpoint").send_keys(Keys.HOME)
    page.after(before)
    older = page.scores()
    assert older != best
    assert "after" in page.text("#checkpoint-said")
    address = page.driver.current_url
    assert "checkpoint=step-" in address
    page.open("?" + address.split("?")[1])
    page.after(0)
    assert page.scores() == older


def test_page_opened_before_the_first_evaluation_goes_on_by_itself(toy, start, served, driver):
    run = start(toy).run
    checkpoints, metrics = run.path / "checkpoints", run.metrics.read_bytes()
    checkpoints.rename("aside")
    run.metrics.write_bytes(b"")
    page = Page(driver, served(run.path))
    page.open("?split=valid&label=1")
    assert not page.run("document.getElementById('problem').hidden")
    Path("aside").rename(checkpoints)
    run.metrics.write_bytes(metrics)
    page.until("document.querySelectorAll('#digit-buttons button').length === 4")
    page.until("Number(document.body.dataset.shown ?? 0) > 0")
    assert page.run("document.getElementById('problem').hidden")
    assert page.text("#model-name")


def test_digit_is_answered_anew_as_the_run_learns(toy, served, driver):
    forever = ["stopping=[{type: max_epochs, epochs: 1000000}]", "optimizer.learning_rate=0.001"]
    forever += ["checkpoint.monitor=valid.loss"]  # which such small steps make better each time
    command = [sys.executable, "-m", "mnistnn", "train", toy, *forever, "--run-dir", "run", "-q"]
    training = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        end = time.monotonic() + WAIT_S
        while not list(Path("run").glob("checkpoints/step-*")):
            assert time.monotonic() < end, "it saves nothing"
            time.sleep(0.05)
        page = Page(driver, served(Path("run")))
        page.open()
        page.draw(SEVEN)
        first, before = page.scores(), page.answered
        page.after(before + 1)
        end = time.monotonic() + WAIT_S
        while page.scores() == first:
            assert time.monotonic() < end, "the answer stays as it was"
            time.sleep(0.1)
    finally:
        training.kill()
        training.wait()
    assert page.complaints() == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 800, 1280])
def test_page_is_as_wide_as_its_window_and_quiet(page, width, dark):
    page.open("?split=valid&label=1&nth=0&target=2", width, dark)
    page.after(0)
    page.driver.execute_script("document.querySelector('canvas.pointable').focus()")
    page.until("!document.getElementById('unit').hidden")
    assert page.run("document.documentElement.scrollWidth") <= width
    assert page.complaints() == []
    assert page.hosts() == {page.url.split("/")[2]}


@pytest.mark.parametrize("dark", [False, True])
def test_texts_have_contrast(page, dark):
    page.open("?split=valid&label=1&nth=0&target=2", 1200, dark)
    page.after(0)
    found = page.driver.execute_script(_CONTRAST)
    assert found, "there is no text"
    assert [each for each in found if each[1] < 4.5] == []


_CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const linear = (v) => v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => [r, g, b].map(linear).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const colour = rgb(getComputedStyle(node).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll('main *')].filter((node) => !node.disabled && node.offsetParent
    && [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim()))
  .map((node) => {
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    return [node.textContent.slice(0, 40), (a + 0.05) / (b + 0.05)];
  });
"""


@pytest.mark.slow
def test_drawing_is_answered_by_a_convolutional_net_in_50_ms(real_mnist, tmp_path, start, served, driver):
    """From the pointer's event to the frame in which the classes are seen; each time of a picture that is new."""
    start(ROOT / "experiments" / "cnn.yaml", "data.validation_examples=50000", "stopping.max_epochs.epochs=1",
          path=tmp_path / "run")  # fmt: skip
    page = Page(driver, served(tmp_path / "run"))
    page.open()
    pen, took = PointerInput(interaction.POINTER_PEN, "pen"), []
    for number in range(20):
        page.find("#clear").click()
        page.until("!document.querySelector('#scores tr')")
        before = page.answered
        _moved(page, pen, [(70 + number, 70), (200, 70), (170, 140)], down=True)
        page.after(before)
        before = page.answered
        _moved(page, pen, [(130, 220)])
        page.after(before)
        took.append(float(page.run("document.body.dataset.ms")))
        actions = ActionBuilder(driver, mouse=pen)
        pen.create_pointer_up(button=0)
        actions.perform()
    # The quickest: what else this machine does is not the page's.
    print(f"best {min(took):.1f} ms, median {np.median(took):.1f} ms, load {os.getloadavg()[0]:.1f}")
    assert min(took) <= 50, took


def _moved(page: Page, pen: PointerInput, points: list[tuple[int, int]], down: bool = False) -> None:
    actions = ActionBuilder(page.driver, mouse=pen, duration=20)
    for number, (x, y) in enumerate(points):
        pen.create_pointer_move(origin=page.find("#paper"), x=x - 140, y=y - 140, duration=20)
        if down and number == 0:
            pen.create_pointer_down(button=0)
    actions.perform()
