"""`mnistnn plot --surface`."""

from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

RULE = ("--rule", "sgd learning_rate=0.1")


@pytest.mark.parametrize(
    ("name", "beginning"), [("f.pdf", b"%PDF-1.4"), ("f.svg", b"<?xml"), ("f.png", b"\x89PNG\r\n")]
)
def test_picture_is_written_and_the_end_of_each_path_said(run_in, command, name, beginning):
    done = command("plot", "--surface", "bowl", *RULE, "--rule", "l_bfgs", "--steps", "2", "--out", name)
    assert (done.code, done.err) == (0, f"wrote {name}\n")
    assert done.out.splitlines() == [
        "sgd, learning_rate 0.1: after 2 steps at (-1.6200, 0.0000), value 1.312",
        "l_bfgs: after 2 steps at (-1.6064, -0.0321), value 1.296",
    ]
    assert Path(name).read_bytes().startswith(beginning)


@pytest.fixture
def run_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def quick_figure(run_in, monkeypatch):
    """For tests of what becomes of the picture; holds what was to be drawn, and in what form."""
    asked = []
    draw = "mnistnn.analysis.plots.surface_figure.surface_figure"

    def instead(*arguments):
        asked.append(arguments)
        return b"a picture"

    monkeypatch.setattr(draw, instead)
    return asked


def test_options_reach_the_picture(command, quick_figure):
    settings = ["--start", "-1,0.5", "--condition", "4", "--noise", "0.1", "--seed", "3", "--steps", "7"]
    form = ["--width", "9", "--height", "8", "--title", "T", "--label", "mine", "--out", "f.png"]
    assert command("plot", "--surface", "bowl", *RULE, *settings, *form, "-q").code == 0
    ((surface, (path,), start, asked),) = quick_figure
    assert surface.formula == "½ (x² + 4 y²)"
    assert (list(start), path.label, len(path.points)) == ([-1, 0.5], "mine", 8)
    assert path.points[1] != pytest.approx([-0.9, 0.3])
    assert (asked.file_format, asked.width_cm, asked.height_cm, asked.title) == ("png", 9, 8, "T")


def test_path_that_leaves_the_picture_is_warned_of_with_the_step(command, quick_figure):
    done = command("plot", "--surface", "bowl", "--rule", "sgd learning_rate=0.21", "--out", "f.svg", "--steps", "200")
    assert done.err.splitlines()[0] == "warning: sgd, learning_rate 0.21: step 5 leaves the picture"
    assert done.out == "sgd, learning_rate 0.21: diverged at step 145\n"


def test_surface_without_rules_is_drawn_alone(command, quick_figure):
    done = command("plot", "--surface", "one-dimension", "--start", "-2", "--out", "f.svg")
    assert (done.code, done.out) == (0, "")
    assert list(quick_figure[0][2]) == [-2]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["some-run"], "an argument RUN is of curves of runs"),
        (["--metric", "valid.loss"], "--metric is of curves of runs"),
        (["--x", "updates"], "--x is of curves of runs"),
        (["--log"], "--log is of curves of runs"),
        (["--ylim", "0", "1"], "--ylim is of curves of runs"),
        (["--runs", "x"], "--runs is of curves of runs"),
        (["--unfinished"], "--unfinished is of curves of runs"),
        (["--seed", "1"], "--seed chooses the random numbers of --noise"),
        (["--start", "a"], "expected X or X,Y, such as -2,1, got 'a'"),
        (["--noise", "0"], "--noise"),
        (["--condition", "0.5"], "--condition"),
    ],
)
def test_option_that_does_not_apply_is_refused_by_name(command, quick_figure, arguments, named):
    done = command("plot", "--surface", "bowl", *RULE, *arguments, "--out", "f.svg")
    assert done.code == 2
    assert named in done.err
    assert not Path("f.svg").exists()


@pytest.mark.parametrize(
    "arguments",
    [RULE, ["--steps", "3"], ["--start", "1,1"], ["--condition", "3"], ["--noise", "1"], ["--seed", "1"]],
    ids=lambda arguments: arguments[0],
)
def test_option_of_surfaces_needs_one(command, quick_figure, arguments):
    done = command("plot", "some-run", *arguments, "--out", "f.svg")
    assert (done.code, done.err.splitlines()[0]) == (2, f"error: {arguments[0]} needs --surface")


def test_neither_runs_nor_a_surface_is_a_usage_error(command, quick_figure):
    done = command("plot", "--out", "f.svg")
    assert (done.code, done.err.splitlines()[0]) == (2, "error: missing argument 'RUN...'")


def test_file_is_not_replaced_unless_forced(command, quick_figure):
    Path("f.svg").write_text("mine")
    done = command("plot", "--surface", "bowl", "--out", "f.svg")
    assert (done.code, done.err) == (2, "error: f.svg: there already; --force replaces it\n")
    assert command("plot", "--surface", "bowl", "--out", "f.svg", "--force").code == 0
    assert Path("f.svg").read_text() == "a picture"
