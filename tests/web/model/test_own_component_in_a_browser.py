"""A run with a component of somebody's own, asked by the page of a real `mnistnn serve`: trusted here, and not."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnistnn.run.directory import RunDirectory
from mnistnn.web.listing import id_of
from tests.plugins.conftest import OVERRIDES
from tests.plugins.test_untrusted_code import CANARY, EXECUTED
from tests.web.model.test_draw_in_a_browser import ROOT, Page

FORMULA = "Each unit is the largest of several linear functions of x: y = maxₖ (x Wₖ + bₖ)"
CODE = CANARY.replace('"""Each unit is the largest of several linear functions of x."""', f'"""{FORMULA}."""')
COMMAND = re.compile(r"`(mnistnn trust [^`]*)`")


@pytest.fixture
def mnistnn(toy: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Begin a command in a process of its own, on a machine that has trusted nothing yet."""
    home = {"MNISTNN_TRUST": str(tmp_path / "trusted-here.json"), "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}

    def begin(*arguments: object, **also: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mnistnn", *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **home, **also})

    return begin


@pytest.fixture
def page_and_token(mnistnn, driver, tmp_path) -> Iterator[tuple[Page, str]]:
    """The page of a run that was trained where its code was trusted, not here; and the fragment that opens it."""
    assert FORMULA in CODE
    Path("maxout.py").write_text(CODE)
    overrides = [*OVERRIDES["maxout"], "stopping.max_epochs.epochs=1"]
    elsewhere = {"MNISTNN_TRUST": str(tmp_path / "trusted-there.json")}
    train = mnistnn("train", "toy.yaml", *overrides, "--code", "maxout.py", "--run-dir", "run", "-q", **elsewhere)
    train.communicate()
    assert train.returncode == 0
    EXECUTED.unlink()
    server = mnistnn("serve", "run", "--no-open")
    try:
        address = next(line for line in server.stdout if line.startswith("http"))
        base, token = address.strip().split("/#")
        yield Page(driver, f"{base}/draw/{id_of(RunDirectory(Path('run')))}"), f"#{token}"
    finally:
        server.terminate()
        server.communicate()


def test_code_from_elsewhere_is_not_executed_until_the_command_that_the_page_names_trusts_it(page_and_token, mnistnn):
    page, token = page_and_token
    page.open("?split=valid&label=1&nth=0", fragment=token)
    problem = page.text("#problem")
    assert "needs maxout.py" in problem
    assert "not trusted on this machine: read run/source/code/maxout.py" in problem
    page.find("#paper").click()  # a dot, which is a question, too
    page.driver.refresh()
    page.until("!document.getElementById('problem').hidden")
    assert not EXECUTED.exists()
    assert page.complaints() == []

    found = COMMAND.search(problem)
    assert found, problem
    trust = mnistnn(*found[1].split()[1:])
    trust.communicate()
    assert trust.returncode == 0
    page.open("?split=valid&label=1&nth=0&target=2", fragment=token)
    page.after(0)
    assert EXECUTED.exists()
    (own,) = page.run("[...document.querySelectorAll('#parts .part')].filter((p) => p.innerText.includes('maxout'))"
                        ".map((p) => p.dataset.part)")  # fmt: skip
    texts = page.run("[...document.querySelectorAll('#parts .formula')].map((p) => p.textContent)")
    assert FORMULA in texts
    assert page.run(f"document.querySelectorAll('#backward-parts [data-part={own}] canvas').length") >= 3
    page.driver.execute_script(f"document.querySelector('[data-part={own}] canvas.pointable').focus()")
    page.until(f"document.getElementById('unit-heading').textContent.includes('{own}[0]')")
    assert "the derivative of this unit by each input" in page.text("#unit-body")
    assert page.complaints() == []
