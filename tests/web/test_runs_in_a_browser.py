"""The pages about runs in a real browser: they follow what happens, and say when nobody answers."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnistnn.run import lock
from mnistnn.run.under_way import UnderWay
from mnistnn.web.app import create_app
from mnistnn.web.listing import Listing, id_of
from mnistnn.web.serving import MOST_AT_ONCE, server_of
from tests.run.test_view import mark_as_running
from tests.web.many_runs import grow, many_runs

ROOT = Path(__file__).parents[2]
TOKEN, CODE = "a-token", "a-code"
ROWS = "return document.querySelectorAll('#values tbody tr').length"
ASKED_S = 15.0
RENEWED_MS = """
    const [address, token, done] = arguments, began = performance.now();
    fetch(address, { headers: { Authorization: `Bearer ${token}` } }).then((reply) => reply.text()).then((text) => {
        const part = document.getElementById("part");
        part.innerHTML = text;
        part.getBoundingClientRect();  // the layout is a part of it
        done(performance.now() - began);
    });
"""
LINES = "return [...document.querySelectorAll('path.line')].map(line => line.outerHTML)"


class Serving:
    """The server of a folder of runs, which may stop and come back at its address."""

    def __init__(self, runs: Path) -> None:
        self.runs, self._port = runs, 0
        self.begin()

    def begin(self) -> None:
        app = create_app(Listing(self.runs), TOKEN, CODE)
        self._server = server_of(app, self._port)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self._port = self._server.servers[0].sockets[0].getsockname()[1]

    def end(self) -> float:
        """Stop; return the seconds that it took."""
        began = time.monotonic()
        self._server.should_exit = True
        self._thread.join(10)
        return time.monotonic() - began

    @property
    def port(self) -> int:
        return int(self._port)

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}{path}#token={TOKEN}"


@pytest.fixture
def serving(toy: Path, tmp_path: Path) -> Iterator[Serving]:
    (tmp_path / "runs").mkdir()
    served = Serving(tmp_path / "runs")
    yield served
    served.end()


def until(condition: Callable[[], Any]) -> Any:
    """Return what a condition gives as soon as that is something."""
    deadline = time.monotonic() + ASKED_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return found


def text_of(driver: Any) -> str:
    return str(driver.execute_script("return document.body.innerText"))


def until_it_says(driver: Any, text: str) -> None:
    until(lambda: text in text_of(driver))


def asked_for(driver: Any) -> list[str]:
    """Return the addresses that the page has asked for since this was last called."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def test_run_appears_and_its_curve_grows_without_a_click(serving, driver, toy, start):
    driver.get_log("browser")
    driver.get_log("performance")
    driver.get(serving.address("/"))
    until(lambda: "There are no runs here yet" in text_of(driver))
    run = start(toy, path="runs/toy/one").run
    until(lambda: "finished" in text_of(driver))
    driver.get(serving.address(f"/run/{id_of(run)}"))
    lines = until(lambda: driver.execute_script(LINES))
    driver.execute_script("document.querySelector('#values').open = true")
    rows = run.metrics.read_text().splitlines()
    more = json.loads(rows[-1]) | {"epoch": 7, "updates": 70}
    with run.metrics.open("a") as file:
        file.write(json.dumps(more) + "\n")
    until(lambda: driver.execute_script(LINES) != lines)
    assert driver.execute_script("return document.querySelector('#values').open")
    assert driver.execute_script("return document.querySelectorAll('#values tbody tr').length") == len(rows) + 1
    assert [entry["message"] for entry in driver.get_log("browser")] == []
    assert all(url.startswith(("http://127.0.0.1:", "data:")) for url in asked_for(driver))
    assert "token" not in driver.current_url


def test_code_in_the_address_opens_the_page_once(serving, driver, toy, start):
    start(toy, path="runs/toy/one")
    address, first = serving.address("/").replace(f"#token={TOKEN}", f"#code={CODE}"), driver.current_window_handle
    assert CODE in address
    found = []
    for said in ("finished", "the token is missing"):
        driver.switch_to.new_window("tab")  # in which no token is kept
        driver.get(address)
        until_it_says(driver, said)
        found.append(driver.current_url)
        driver.close()
        driver.switch_to.window(first)
    assert not any(CODE in each or TOKEN in each for each in found)
    driver.get_log("browser")  # the refusal is an error there


def test_new_address_pasted_into_an_open_tab_is_taken(serving, driver):
    driver.switch_to.new_window("tab")
    driver.get(serving.address("/").replace(TOKEN, "that-of-before"))
    until_it_says(driver, "the token is missing or wrong")
    driver.get(serving.address("/"))  # only the fragment differs
    until_it_says(driver, "There are no runs here yet")
    assert "#" not in driver.current_url
    driver.get_log("browser")  # the refusals are errors there
    driver.close()
    driver.switch_to.window(driver.window_handles[0])


def test_latest_goes_over_to_a_run_that_begins(serving, driver, toy, start):
    start(toy, path="runs/toy/zzz")
    driver.get(serving.address("/latest"))
    until(lambda: "zzz" in driver.title)
    driver.execute_script("window.untouched = true")
    time.sleep(max(0.0, 1.05 - time.time() % 1))  # beginnings are known to the second
    start(toy, path="runs/toy/aaa")
    until(lambda: "aaa" in driver.title)
    assert driver.execute_script("return window.untouched")
    assert "zzz" not in text_of(driver)


def test_bar_moves_inside_an_epoch_and_nothing_else_is_asked_for(serving, driver, toy, start):
    run = start(toy, path="runs/toy/one").run
    mark_as_running(run)
    with lock.exclusive(run):
        for path in ("/", f"/run/{id_of(run)}"):
            driver.get(serving.address(path))
            until(lambda: "running" in text_of(driver))
            assert not driver.find_element("css selector", ".under-way").is_displayed()
            time.sleep(1.5)  # what the page asked for at its beginning is answered
            driver.get_log("performance")
            for done in (3, 8):
                run.progress.write_bytes(UnderWay("", 7, 9, 60 + done, "updates", done, 10, 1234.0).to_bytes())
                until_it_says(driver, f"epoch 7 of 9: {done} of 10 updates, 1,234 examples/s")
                assert driver.execute_script("return document.querySelector('progress').position") == done / 10
            run.progress.unlink()
            until(lambda: "examples/s" not in text_of(driver))
            assert asked_for(driver) == []


def test_nothing_is_asked_for_twice_a_second(serving, driver, toy, start):
    run = start(toy, path="runs/toy/one").run
    driver.get(serving.address(f"/run/{id_of(run)}"))
    until(lambda: "finished" in text_of(driver))
    driver.get_log("performance")
    began = time.monotonic()
    while time.monotonic() < began + 4:
        grow(run)
        time.sleep(0.05)
    took_s, rows = time.monotonic() - began, len(run.metrics.read_text().splitlines())
    until(lambda: driver.execute_script(ROWS) == rows)
    assert 2 <= len(asked_for(driver)) <= took_s + 2


def test_page_says_that_the_server_has_stopped_and_goes_on_when_it_is_back(serving, driver, toy, start):
    driver.get(serving.address("/"))
    until(lambda: "There are no runs here yet" in text_of(driver))
    assert serving.end() < 5
    until(lambda: "The server has stopped" in text_of(driver))
    start(toy, path="runs/toy/one")
    serving.begin()
    until(lambda: "finished" in text_of(driver))
    assert "The server has stopped" not in text_of(driver)
    driver.get_log("browser")  # that it could not be reached


@pytest.mark.slow
@pytest.mark.parametrize("grown", [1, 50])
def test_fifty_curves_of_a_thousand_points_are_renewed_in_a_tenth_of_a_second(serving, driver, toy, start, grown):
    runs = many_runs(start(toy, path="one").run, Path("runs/toy"), 50, 1000)
    address = f"/compare?runs={','.join(map(id_of, runs))}"
    driver.get(serving.address(address))
    until(lambda: driver.execute_script(LINES))
    took_ms = []
    for _ in range(7):
        for run in runs[:grown]:
            grow(run)
        took_ms.append(driver.execute_async_script(RENEWED_MS, f"/api{address}", TOKEN))
    assert len(driver.execute_script(LINES)) >= 150  # those of the legend, too
    assert min(took_ms) <= 100, took_ms


def test_eight_tabs_are_served_at_once(serving, driver, toy, start):
    start(toy, path="runs/toy/one")
    first = driver.current_window_handle
    for _ in range(8):
        driver.switch_to.new_window("tab")
        driver.get(serving.address("/"))
        until(lambda: "finished" in text_of(driver))
    for handle in [each for each in driver.window_handles if each != first]:
        driver.switch_to.window(handle)
        driver.close()
    driver.switch_to.window(first)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_pages_fit_their_screen(serving, driver, toy, start, width, dark):
    run = start(toy, path="runs/toy/one").run
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    for path in ("/", f"/run/{id_of(run)}", f"/compare?runs={id_of(run)}"):
        driver.get(serving.address(path))
        until(lambda: driver.execute_script("return !!document.querySelector('#part table')"))
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_run_that_is_killed_is_dead_and_the_page_says_what_goes_on(serving, driver, toy):
    forever = "stopping=[{type: max_epochs, epochs: 1000000}]"
    command = [sys.executable, "-m", "mnistnn", "train", toy, forever, "--run-dir", "runs/toy/one", "-q"]
    training = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        driver.get(serving.address("/latest"))
        until(lambda: "running" in text_of(driver))
        epochs = driver.execute_script(ROWS)
        until(lambda: driver.execute_script(ROWS) > epochs)
    finally:
        training.kill()
        training.wait()
    until(lambda: "dead (resumable)" in text_of(driver))
    assert "mnistnn resume" in text_of(driver)


def test_server_answers_so_many_and_tells_others_to_come_again(serving):
    connections = [socket.create_connection(("127.0.0.1", serving.port), 10) for _ in range(2 * MOST_AT_ONCE)]
    asked = f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    answers = []
    for connection in connections:
        connection.sendall(asked)
        answers.append(connection.recv(12).decode())
    for connection in connections:
        connection.close()
    assert set(answers) == {"HTTP/1.1 200", "HTTP/1.1 503"} or set(answers) == {"HTTP/1.1 503"}
    assert answers.count("HTTP/1.1 503") >= MOST_AT_ONCE

    def is_answered() -> bool:
        with socket.create_connection(("127.0.0.1", serving.port), 10) as again:
            again.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return again.recv(12) == b"HTTP/1.1 200"

    assert until(is_answered)
