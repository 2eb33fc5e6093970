"""Figures as they are drawn: lines, bands and labels are looked at, and files of each format."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mnistnn.analysis.plots.learning_curves import learning_curves
from mnistnn.analysis.plots.learning_curves_figure import Form, _figure, draw
from mnistnn.analysis.plots.paper_style import CM, COLOURS, FORMATS, MARKERS, paper_style
from mnistnn.errors import ResourceError, UsageError
from tests.analysis.made_up import run_of

mpl = pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[3]
HOSTILE = [
    "$x_{",
    "\\frac{",
    "a\nb\r\x1b[31m",
    "<script>alert(1)</script>",
    "]]>&--",
    "_hidden",
    "$$",
    "數字\ud800",
    "W" * 5000,
]


def curves_of(*runs, metrics=(), axis="epochs"):
    return learning_curves(runs, metrics, [axis])[0]


def three_seeds(name="toy", **config):
    errors = [[0.5, 0.3], [0.3, 0.2], [0.1, 0.1]]
    losses = {"train.loss": [2.0, 1.0], "valid.loss": [3.0, 2.0]}
    return [run_of(each, name=name, config={"seed": seed, **config}, **losses) for seed, each in enumerate(errors)]


@pytest.fixture
def figure():
    """Return the figure of runs, in the style; it stays in force until the test ends."""
    with paper_style():
        yield lambda curves, **form: _figure(curves, Form("png", **form))


def labels_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def assert_everything_is_on_the_page(figure):
    figure.draw_without_rendering()
    shown = [*figure.legends, *figure.axes, *figure.texts]
    for artist in shown:
        box = artist.get_tightbbox(figure.canvas.get_renderer())
        assert box.x0 >= -1, artist
        assert box.y0 >= -1, artist
        assert box.x1 <= figure.bbox.width + 1, artist
        assert box.y1 <= figure.bbox.height + 1, artist


def test_line_is_the_mean_in_percent_and_the_band_one_standard_deviation(figure):
    (axes,) = figure(curves_of(*three_seeds(), metrics=["valid.error"])).axes
    line, star = axes.lines
    np.testing.assert_allclose(line.get_xydata(), [(1, 30), (2, 20)])
    np.testing.assert_allclose(star.get_xydata(), [(2, 20)])
    (band,) = axes.collections
    corners = {(round(x), round(y, 6)) for x, y in band.get_paths()[0].vertices}
    assert corners == {(1, 10.0), (1, 50.0), (2, 10.0), (2, 30.0)}  # 30 ± 20 and 20 ± 10
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "validation error (%)")
    assert axes.get_ylim()[0] == axes.get_xlim()[0] == 0


def test_legend_says_what_everything_means(figure):
    assert labels_of(figure(curves_of(*three_seeds()))) == [
        "validation",
        "training",
        "best epoch by validation error",
        "mean ± 1 standard deviation, n = 3",
    ]


def test_legend_has_groups_only_if_there_are_several(figure):
    drawn = figure(curves_of(*three_seeds(), run_of([0.4, 0.3], name="other", config={"model": 2})))
    assert labels_of(drawn)[:2] == ["toy, n = 3", "other"]


def test_groups_differ_in_colour_and_marker_and_splits_in_style(figure):
    (_, axes) = figure(curves_of(*three_seeds("a"), *three_seeds("b", model=2))).axes
    first, second = (axes.lines[0], axes.lines[1]), (axes.lines[3], axes.lines[4])
    assert [[line.get_color() for line in pair] for pair in (first, second)] == [[c, c] for c in COLOURS[:2]]
    assert [[line.get_marker() for line in pair] for pair in (first, second)] == [[m, m] for m in MARKERS[:2]]
    assert [line.get_linestyle() for line in first] == ["--", "-"]


def test_many_groups_have_a_look_of_their_own():
    looks = {(COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)]) for n in range(50)}
    assert len(looks) == 50


def test_colours_differ_in_lightness_too():
    """In a grey print neighbours in the list stay apart, or at least have markers of their own."""
    grey = [np.dot([int(c[i : i + 2], 16) for i in (1, 3, 5)], [0.299, 0.587, 0.114]) for c in COLOURS[:2]]
    assert abs(grey[0] - grey[1]) > 20


def test_line_is_thin_where_runs_have_ended(figure):
    drawn = figure(curves_of(run_of([0.5, 0.3, 0.2]), run_of([0.3, 0.1])))
    full, rest, _ = drawn.axes[0].lines
    np.testing.assert_allclose(full.get_xydata(), [(1, 40), (2, 20)])
    np.testing.assert_allclose(rest.get_xydata(), [(2, 20), (3, 20)])
    assert rest.get_linewidth() < full.get_linewidth() / 2
    assert "some runs have ended" in labels_of(drawn)


def test_single_evaluation_is_a_point(figure):
    line = figure(curves_of(run_of([0.5]))).axes[0].lines[0]
    assert (line.get_marker(), list(line.get_markevery())) == ("o", [0])


def test_logarithmic_axis_takes_zeros_and_wide_bands(figure):
    (axes,) = figure(curves_of(run_of([0.5, 0.0]), run_of([0.1, 0.0])), is_log=True).axes
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    assert 10 < low < 30 < high  # the mean is 30 %; below half of that a band is cut off


def test_logarithmic_axis_needs_something_above_zero(figure):
    with pytest.raises(UsageError, match=r"--log: no value of validation error \(%\) is above zero"):
        figure(curves_of(run_of([0.0]), metrics=["valid.error"]), is_log=True)


@pytest.mark.parametrize("errors", [[0.25, 0.35], [0.001, 0.9], [0.3, 0.3], [1e-12, 1]])
def test_logarithmic_axis_has_two_labels_at_least(figure, errors):
    axes = figure(curves_of(run_of(errors), metrics=["valid.error"]), is_log=True).axes[0]
    low, high = axes.get_ylim()
    assert 2 <= sum(low <= at <= high for at in axes.get_yticks()) <= 12


@pytest.mark.parametrize(("metrics", "size_cm"), [(["valid.error"], 8.4), ([], 17)])
def test_default_width_is_that_of_a_column_or_of_the_text(figure, metrics, size_cm):
    assert figure(curves_of(*three_seeds(), metrics=metrics)).get_figwidth() == pytest.approx(size_cm * CM)


def test_size_is_what_was_asked_for_and_narrow_figures_stack_their_panels(figure):
    drawn = figure(curves_of(*three_seeds()), width_cm=8, height_cm=14)
    np.testing.assert_allclose(drawn.get_size_inches(), [8 * CM, 14 * CM])
    above, below = (axes.get_position() for axes in drawn.axes)
    assert above.y0 > below.y1
    assert_everything_is_on_the_page(drawn)


def test_figure_without_room_is_refused(figure):
    with pytest.raises(UsageError, match="--width, --height: there is no room for the panels"):
        figure(curves_of(*three_seeds()), height_cm=3)


@pytest.mark.parametrize("file_format", FORMATS)
def test_hostile_names_are_drawn_as_they_are(file_format):
    runs = [run_of([0.5, 0.4], name=name, config={"model": n}) for n, name in enumerate(HOSTILE)]
    written = draw(curves_of(*runs), Form(file_format, title="".join(HOSTILE)))
    if file_format == "svg":
        root = ElementTree.fromstring(written)
        assert not [e for e in root.iter() if isinstance(e.tag, str) and e.tag.endswith(("script", "}text"))]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_on_the_page_in_a_narrow_figure(figure, name):
    runs = [*three_seeds(name), run_of([0.4, 0.3], name="other", config={"model": 2}, **{name: [1, 2]})]
    drawn = figure(curves_of(*runs, metrics=["valid.error", name]), width_cm=8.4, title=name)
    assert any(label.startswith(("other", "_hidden")) for label in labels_of(drawn))
    assert len(labels_of(drawn)) == 4
    assert_everything_is_on_the_page(drawn)


@pytest.mark.parametrize("errors", [[1e90, 1e98], [-1e98, 1e98], [5e-324, 1e-300], [0, 0]])
def test_metrics_of_any_size_are_drawn(figure, errors):
    drawn = figure(curves_of(run_of(errors), run_of(errors[::-1])))
    assert_everything_is_on_the_page(drawn)


@pytest.mark.parametrize("file_format", FORMATS)
def test_equal_figures_give_equal_bytes_whatever_the_user_has_set(file_format):
    first = draw(curves_of(*three_seeds()), Form(file_format))
    with mpl.rc_context({"font.family": "monospace", "lines.linewidth": 9, "svg.fonttype": "none", "pdf.fonttype": 3}):
        assert draw(curves_of(*three_seeds()), Form(file_format)) == first
        assert mpl.rcParams["lines.linewidth"] == 9


def test_equal_figures_give_equal_bytes_in_another_process():
    program = (
        "import sys; from mnistnn.analysis.plots.learning_curves_figure import Form, draw;"
        "from tests.analysis.plots.test_learning_curves_figure import curves_of, three_seeds;"
        "sys.stdout.buffer.write(draw(curves_of(*three_seeds()), Form('pdf')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": "7"}, check=True, capture_output=True
    )
    assert done.stdout == draw(curves_of(*three_seeds()), Form("pdf"))


def test_pdf_has_its_fonts_inside_as_truetype_and_neither_date_nor_version():
    written = draw(curves_of(*three_seeds()), Form("pdf"))
    assert b"/FontFile2" in written
    assert b"/Type3" not in written
    assert b"Date" not in written
    assert b"Matplotlib" not in written


def test_missing_matplotlib_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ResourceError, match=r"drawing needs matplotlib: pip install 'mnistnn\[plot\]'"):
        draw(curves_of(run_of([0.4])), Form("png"))
