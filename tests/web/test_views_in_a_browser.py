"""What a page shows is in its address, can be reached by keys alone, and can be read by everybody."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from mnistnn.run.directory import all_runs
from mnistnn.web.listing import id_of
from tests.web.test_runs_in_a_browser import Serving, text_of, until

WIDTHS = (1280, 800, 400)


@pytest.fixture
def serving(toy, tmp_path):
    (tmp_path / "runs").mkdir()
    served = Serving(tmp_path / "runs")
    yield served
    served.end()


@pytest.fixture
def ids(toy, start, serving):
    """The ids of two seeds of an experiment, and of another, the newest first."""
    for number, changes in enumerate((["seed=0"], ["seed=1"], ["optimizer.learning_rate=0.05"])):
        start(toy, *changes, path=f"runs/toy/2026010{number}-000000-aaaa")
    return [id_of(run) for run in sorted(all_runs(serving.runs), key=lambda run: run.path.name, reverse=True)]


@pytest.fixture
def page(serving, driver):
    """Open a path as on a screen of some width, and wait until it shows its runs.

    A tab of its own: of a history that is full, Chromium takes away what scripts have added, and so steps back.
    """
    driver.get_log("browser")
    before = driver.current_window_handle
    driver.switch_to.new_window("tab")

    def open_(path, width=1280, dark=False, done="#part table, #part p:not(.note)"):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        driver.get("about:blank")
        driver.get(serving.address(path))
        until(lambda: driver.execute_script("return !!document.querySelector(arguments[0])", done))

    yield open_
    driver.get("about:blank")  # so that no stream keeps the server from ending
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.close()
    driver.switch_to.window(before)


def chosen(driver):
    return parse_qs(urlsplit(driver.current_url).query)


def visible_curves(driver):
    return driver.execute_script(
        "return [...document.querySelectorAll('.chart path.line[data-curve]')]"
        ".filter(line => getComputedStyle(line).display !== 'none').map(line => line.dataset.curve)"
    )


def choose(driver, name, text):
    driver.execute_script(
        "const select = document.querySelector(`[data-choice=${arguments[0]}]`);"
        "select.value = arguments[1]; select.dispatchEvent(new Event('change', {bubbles: true}))",
        name,
        text,
    )


def scales(driver):
    return driver.execute_script(
        "return [...document.querySelectorAll('.label')].filter(each => /log scale/.test(each.textContent)).length"
    )


def test_runs_are_chosen_by_boxes_and_compared(ids, page, driver):
    page("/")
    boxes = driver.find_elements("css selector", "input.chosen")
    assert driver.find_element("id", "compare").get_attribute("href") is None
    boxes[1].click()
    boxes[0].click()
    assert chosen(driver) == {"runs": [f"{ids[1]},{ids[0]}"]}
    link = driver.find_element("id", "compare")
    assert link.text == "Compare 2 runs"
    link.click()
    until(lambda: "against A" in text_of(driver))
    driver.execute_script("history.back()")
    until(lambda: driver.find_elements("css selector", "input.chosen:checked"))
    assert [box.get_attribute("value") for box in driver.find_elements("css selector", "input.chosen:checked")] == ids[
        :2
    ]
    driver.find_element("id", "choose-none").click()
    assert chosen(driver) == {}
    assert not driver.find_elements("css selector", "input.chosen:checked")


def test_choices_are_in_the_address_and_steps_back_undo_them(ids, page, driver):
    page(f"/compare?runs={','.join(ids)}")
    everything = visible_curves(driver)
    hidden = driver.execute_script(
        "const button = document.querySelector('.legend button'); button.click(); return button.dataset.curve"
    )
    choose(driver, "scale", "log")
    until(lambda: scales(driver) == 2)
    choose(driver, "metric", "theta.norm")
    until(lambda: len(driver.find_elements("css selector", ".chart")) == 3)
    assert chosen(driver) == {"runs": [",".join(ids)], "hide": [hidden], "scale": ["log"], "metric": ["theta.norm"]}
    assert "token" not in driver.current_url
    driver.execute_script("history.back()")
    until(lambda: len(driver.find_elements("css selector", ".chart")) == 2)
    assert scales(driver) == 2
    driver.execute_script("history.back()")
    until(lambda: scales(driver) == 0)
    assert hidden not in visible_curves(driver)
    driver.execute_script("history.back()")
    until(lambda: visible_curves(driver) == everything)
    driver.execute_script("history.forward()")
    until(lambda: hidden not in visible_curves(driver))


def test_link_shows_the_view_that_it_was_taken_from(ids, page, driver):
    page(
        f"/compare?runs={','.join(ids)}&hide=toy%20(optimizer.learning_rate%3D0.2),%20valid&scale=log&metric=theta.norm"
    )
    assert len(driver.find_elements("css selector", ".chart")) == 3
    assert scales(driver) == 3
    curves = visible_curves(driver)
    assert "toy (optimizer.learning_rate=0.05), valid" in curves
    assert "toy (optimizer.learning_rate=0.2), valid" not in curves


def test_what_was_chosen_stays_when_the_page_is_renewed(ids, page, driver, serving):
    page(f"/run/{ids[0]}?hide=train&scale=log")
    driver.execute_script("document.querySelector('.chart details').open = true")
    until(lambda: driver.find_elements("css selector", ".chart details td"))
    (run,) = [run for run in all_runs(serving.runs) if id_of(run) == ids[0]]
    rows = len(driver.find_elements("css selector", ".chart details tbody tr"))
    last = run.metrics.read_text().splitlines()[-1]
    with run.metrics.open("a") as file:
        file.write(last.replace('"epoch": ', '"epoch": 1') + "\n")
    until(lambda: len(driver.find_elements("css selector", ".chart details tbody tr")) == rows + 1)
    assert "train" not in visible_curves(driver)
    assert scales(driver) == 2


def test_table_beside_a_chart_has_its_values(ids, page, driver):
    page(f"/run/{ids[0]}")
    driver.find_element("css selector", ".chart summary").send_keys(" ")
    cells = until(lambda: driver.find_elements("css selector", ".chart details td"))
    points = driver.find_element("css selector", ".chart path.line").get_attribute("data-values").split()
    assert [float(cell.text) for cell in cells] == [float(point.split(",")[1]) for point in points]


FOCUSED = """
const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
return [it.id || it.className || it.textContent.trim() || it.tagName, it.matches(":focus-visible")
  && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 && box.width > 0 && box.bottom > 0];
"""


def test_everything_is_reached_by_keys_in_the_order_of_the_page_and_is_seen_to_be(ids, page, driver):
    from selenium.webdriver import ActionChains, Keys

    def press(*keys):
        ActionChains(driver).send_keys(*keys).perform()
        return driver.execute_script(FOCUSED)

    page("/")
    assert press(Keys.TAB) == ["skip", True]
    assert press(Keys.ENTER)[0] == "main"
    stops = [press(Keys.TAB) for _ in range(2)]
    assert [name for name, _ in stops] == ["wide", "chosen"]
    press(" ")
    until(lambda: chosen(driver).get("runs") == [ids[0]])
    backwards = ActionChains(driver)
    backwards.key_down(Keys.SHIFT).send_keys(Keys.TAB * 3).key_up(Keys.SHIFT).perform()
    assert driver.execute_script(FOCUSED)[0] == "compare"
    press(Keys.ENTER)
    until(lambda: "/compare" in driver.current_url and driver.find_elements("css selector", ".chart"))
    stops = [press(Keys.TAB) for _ in range(14)]
    assert all(is_seen for _, is_seen in stops), stops
    orders = driver.execute_script(
        "return [...document.querySelectorAll('a[href], button, select, summary, [tabindex=\\'0\\']')]"
        ".filter(each => each.checkVisibility()).map(each => each.tabIndex)"
    )
    assert set(orders) == {0}  # the order is that of the page


CONTRASTS = """
const numbers = colour => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
const luminance = rgb => rgb.slice(0, 3).map(c => c / 255)
  .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const ratio = (a, b) => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};
const probe = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const parse = colour => {  // also of color(srgb …), which mixed colours are computed to
  if (colour.startsWith("rgb")) return numbers(colour);
  probe.clearRect(0, 0, 1, 1); probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
};
const behind = element => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const opacity = element => {
  let all = 1;
  for (let at = element; at; at = at.parentElement) all *= +getComputedStyle(at).opacity;
  return all;
};
const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode, element = text.parentElement;
  if (!text.data.trim() || !element.checkVisibility({visibilityProperty: true})) continue;
  if (element.closest(".unseen, option, :disabled, script")) continue;
  const style = getComputedStyle(element), paper = behind(element);
  let ink = parse(element instanceof SVGElement ? style.fill : style.color);
  ink = over([...ink.slice(0, 3), ink[3] * opacity(element)], paper);
  found.push([text.data.trim().slice(0, 40), ratio(ink, paper)]);
}
const lines = [...document.querySelectorAll(".chart path.line")].map(line =>
  [line.dataset.curve ?? "key", ratio(parse(getComputedStyle(line).stroke), behind(line))]);
return [found, lines];
"""

PAGES = ("/", "/latest", "/run/%0", "/compare?runs=%0,%1,%2", "/compare", "/draw/%0")
DRAWN = {"/draw/%0": "#digit-buttons button"}


def opened(page, driver, ids, path, **how):
    address = path
    for number, run_id in enumerate(ids):
        address = address.replace(f"%{number}", run_id)
    if path in DRAWN:
        page(address, done=DRAWN[path], **how)
        driver.find_element("css selector", DRAWN[path]).click()
        until(lambda: driver.find_elements("css selector", "#parts canvas"))
    else:
        page(address, **how)
    if path.startswith("/compare?"):
        until(lambda: "against A" in text_of(driver))
    driver.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")


@pytest.mark.parametrize("path", PAGES)
def test_all_text_and_all_curves_contrast_with_what_is_behind_them(ids, page, driver, path):
    for dark in (False, True):
        opened(page, driver, ids, path, dark=dark)
        texts, lines = driver.execute_script(CONTRASTS)
        assert len(texts) > 3
        assert [each for each in texts if each[1] < 4.5] == []
        assert [each for each in lines if each[1] < 3] == []


@pytest.mark.parametrize("path", PAGES)
def test_page_is_no_wider_than_its_screen(ids, page, driver, path):
    for width in WIDTHS:
        opened(page, driver, ids, path, width=width)
        scrolled, inside = driver.execute_script("return [document.scrollingElement.scrollWidth, innerWidth]")
        assert scrolled <= inside == width


@pytest.mark.parametrize("path", PAGES)
def test_page_has_landmarks_one_heading_and_names_for_all_it_offers(ids, page, driver, path):
    opened(page, driver, ids, path)
    assert (
        driver.execute_script("return ['header', 'nav', 'main', 'h1'].map(n => document.querySelectorAll(n).length)")
        == [1] * 4
    )
    tree = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    offered = ("button", "link", "checkbox", "combobox", "slider", "image", "region", "img")
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node["ignored"] and node["role"]["value"] in offered and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    assert [entry["message"] for entry in driver.get_log("browser")] == []


def test_change_of_status_is_said_once_and_epochs_are_not(ids, page, driver, serving, monkeypatch):
    page("/")
    (run,) = [run for run in all_runs(serving.runs) if id_of(run) == ids[0]]
    driver.execute_script(
        "window.said = []; new MutationObserver(() => window.said.push(document.getElementById('news').textContent))"
        ".observe(document.getElementById('news'), {childList: true})"
    )
    record, last = run.record.read_text(), run.metrics.read_text().splitlines()[-1]
    epochs = json.loads(last)["epoch"]
    with run.metrics.open("a") as file:
        file.write(last.replace('"epoch": ', '"epoch": 1') + "\n")
    until(lambda: f"1{epochs}" in driver.find_element("id", f"row-{ids[0]}").text.split())
    run.record.write_text("{")
    until(lambda: driver.execute_script("return window.said") == [f"{run.path.name}: unreadable"])
    run.record.write_text(record)
    until(lambda: driver.execute_script("return window.said")[-1] == f"{run.path.name}: finished")
    assert len(driver.execute_script("return window.said")) == 2


def test_nothing_moves_for_who_wants_no_motion(ids, page, driver):
    page("/")
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    )
    driver.execute_script("document.querySelector('h1').setAttribute('class', 'moving')")
    driver.execute_script(
        "const s = new CSSStyleSheet(); s.replaceSync('.moving { transition: color 2s }');"
        "document.adoptedStyleSheets = [s]"
    )
    assert driver.execute_script("return getComputedStyle(document.querySelector('h1')).transitionDuration") == "0s"
