"""`mnistnn plot`."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

RUN = "runs/one"


@pytest.fixture
def run(toy, start):
    start(toy, "stopping.max_epochs.epochs=2", path=RUN)
    return RUN


@pytest.fixture
def quick_figure(monkeypatch):
    """For tests of what becomes of the figure; holds what was to be drawn, and in what form."""
    asked = []

    def draw(*arguments):
        asked.append(arguments)
        return b"a figure"

    monkeypatch.setattr("mnistnn.analysis.plots.learning_curves_figure.draw", draw)
    return asked


@pytest.mark.parametrize(
    ("name", "beginning"), [("f.pdf", b"%PDF-1.4"), ("f.SVG", b"<?xml"), ("f.png", b"\x89PNG\r\n")]
)
def test_figure_is_written_in_the_format_of_its_name(run, command, name, beginning):
    done = command("plot", run, "--out", name)
    assert (done.code, done.out, done.err) == (0, "", f"wrote {name}\n")
    assert Path(name).read_bytes().startswith(beginning)
    assert list(Path().glob(".f*")) == []


def test_options_reach_the_figure(run, command, quick_figure):
    sizes = ["--width", "12", "--height", "7.5", "--title", "T", "--log", "--x", "updates", "--x", "passes"]
    assert (
        command("plot", run, "--out", "f.png", *sizes, "--metric", "valid.loss", "--metric", "learning_rate").code == 0
    )
    ((curves, form),) = quick_figure
    assert [(panel.axis, panel.y_label) for panel in curves.panels] == [
        (axis, name) for axis in ("updates", "passes") for name in ("validation loss (nats)", "learning rate")
    ]
    assert (form.width_cm, form.height_cm, form.title, form.is_log) == (12, 7.5, "T", True)


def test_figure_is_not_replaced_unless_forced(run, command, quick_figure):
    Path("f.pdf").write_text("mine")
    done = command("plot", run, "--out", "f.pdf")
    assert (done.code, done.err) == (2, "error: f.pdf: there already; --force replaces it\n")
    assert Path("f.pdf").read_text() == "mine"
    assert command("plot", run, "--out", "f.pdf", "--force", "-q").err == ""
    assert Path("f.pdf").read_text() == "a figure"


def test_runs_that_cannot_be_drawn_are_warned_of_and_the_others_drawn(run, command, quick_figure, toy, start):
    Path("runs/torn").mkdir()
    Path("runs/torn/run.json").write_text("{")
    Path("runs/foreign").mkdir()
    start(
        toy,
        "data.validation_examples=0",
        "checkpoint.monitor=last",
        "stopping.max_epochs.epochs=1",
        path="runs/without",
    )
    done = command("plot", "runs", "gone", "runs/foreign", "--out", "f.pdf", "--metric", "valid.error", "-q")
    assert done.code == 0
    warnings = [line.removeprefix("warning: not drawn: ") for line in done.err.splitlines()]
    assert [line.split(": ")[0] for line in warnings] == [
        "runs/torn/run.json",
        "no run named 'gone'",
        "runs/foreign",
        "runs/without",
    ]
    assert warnings[-1] == "runs/without: it has no valid.error"
    assert [runs for _, runs in quick_figure[0][0].groups] == [1]


def test_folder_of_runs_is_drawn_with_all_its_seeds(toy, start, command, quick_figure):
    for seed in range(2):
        start(toy, f"seed={seed}", "stopping.max_epochs.epochs=1", path=f"runs/toy/{seed}")
    assert command("plot", "runs", "--out", "f.pdf").code == 0
    assert quick_figure[0][0].groups == [("toy", 2)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["gone", "--out", "f.pdf"], 4, "no run named 'gone'"),
        (["--out", "f.pdf"], 2, "missing argument 'RUN...'"),
        ([RUN], 2, "missing option '--out'"),
        ([RUN, "--out", "f.pgn"], 2, "ends in one of .pdf, .svg, .png, got 'f.pgn', did you mean '.png'?"),
        ([RUN, "--out", "f"], 2, "ends in one of .pdf, .svg, .png, got 'f'\n"),
        ([RUN, "--out", "no/folder.pdf"], 5, "no/folder.pdf: No such file or directory"),
        ([RUN, "--out", "f.pdf", "--metric", "valid.eror"], 2, "'valid.eror', did you mean 'valid.error'?"),
        ([RUN, "--out", "f.pdf", "--width", "nan"], 2, "--width"),
        ([RUN, "--out", "f.pdf", "--height", "2"], 2, "--height"),
        ([RUN, "--out", "f.pdf", "--height", "3"], 2, "there is no room for the panels"),
    ],
)
def test_what_cannot_be_drawn_is_said(run, command, arguments, code, message):
    done = command("plot", *arguments)
    assert (done.code, message in done.err) == (code, True), done.err
    assert not list(Path().glob("f*"))


def test_numbers_beyond_a_float_are_a_damaged_file(run, command):
    with Path(run, "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"epoch": 3, "valid.error": 10**400}) + "\n")
    done = command("plot", run, "--out", "f.pdf")
    assert (done.code, "metrics.jsonl:3: not the row of an evaluation" in done.err) == (4, True)


def test_missing_matplotlib_is_named_with_the_command_that_installs_it(run, command, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = command("plot", run, "--out", "f.pdf")
    assert (done.code, done.err) == (5, "error: drawing needs matplotlib: pip install 'mnistnn[plot]'\n")
    assert not Path("f.pdf").exists()


def test_experiments_are_called_as_is_said(run, toy, start, command, quick_figure):
    start(toy, "name=other", "stopping.max_epochs.epochs=1", path="runs/two")
    done = command(
        "plot", run, "runs/two", "--out", "f.pdf", "--label", "ours", "--label", "theirs", "--ylim", "1", "50"
    )
    assert done.code == 0, done.err
    ((curves, form),) = quick_figure
    assert [label for label, _ in curves.groups] == ["ours", "theirs"]
    assert form.y_range == (1.0, 50.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label", "a", "--label", "b"], "--label: 2 given for 1 experiment(s), in order: toy"),
        (["--ylim", "5", "1"], "expected a lower and a higher number, got 5.0 and 1.0"),
        (["--ylim", "0", "nan"], "expected a lower and a higher number"),
        (["--ylim", "0", "1", "--log"], "--ylim: a logarithmic axis begins above zero"),
    ],
)
def test_labels_and_limits_that_do_not_fit_are_refused(run, command, options, message):
    done = command("plot", run, "--out", "f.png", *options)
    assert (done.code, message in done.err, Path("f.png").exists()) == (2, True, False), done.err
