"""`mnistnn report`."""

from pathlib import Path

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("PIL")


@pytest.fixture
def run(toy, start):
    start(toy, "stopping.max_epochs.epochs=1", path="runs/one")
    return "runs/one"


def test_report_is_written_to_a_file(run, command):
    done = command("report", run, "--out", "r.html")
    assert done.code == 0
    assert done.out == ""
    assert done.err.startswith("wrote r.html (")
    assert Path("r.html").read_text().startswith("<!doctype html>")


def test_report_is_not_replaced_unless_forced(run, command):
    Path("r.html").write_text("mine")
    done = command("report", run, "--out", "r.html")
    assert (done.code, done.err) == (2, "error: r.html: there already; --force replaces it\n")
    assert Path("r.html").read_text() == "mine"
    assert command("report", run, "--out", "r.html", "--force").code == 0


def test_unreadable_runs_are_warned_of_and_the_others_shown(run, command):
    Path("runs/torn").mkdir()
    Path("runs/torn/run.json").write_text("{")
    done = command("report", "runs", "gone", "-q")
    assert done.code == 0
    assert "warning: not shown: runs/torn/run.json: " in done.err
    assert "warning: not shown: no run named 'gone'" in done.err
    assert "Not shown" in Path("report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["gone"], 4, "no run named 'gone'"),
        ([], 2, "missing argument 'RUN...'"),
        (["runs/one", "--out", "no/folder.html"], 5, "no/folder.html: No such file or directory"),
        (["runs/one", "--x", "hours"], 2, "'hours' is not one of"),
    ],
)
def test_what_cannot_be_reported_is_said(run, command, arguments, code, message):
    done = command("report", *arguments)
    assert (done.code, message in done.err) == (code, True)
    assert not Path("report.html").exists()


def test_curves_can_be_drawn_along_seconds(run, command):
    assert command("report", run, "--x", "seconds").code == 0
    assert 'data-x="seconds"' in Path("report.html").read_text()
