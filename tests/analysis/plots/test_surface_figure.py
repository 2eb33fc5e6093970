"""Pictures of surfaces: what is drawn, how large the file is, and that its bytes depend on the paths alone."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from mnistnn.analysis.plots import surface_figure
from mnistnn.analysis.plots.surface_figure import SurfaceForm
from mnistnn.analysis.plots.surface_paths import path_of, update_rule
from mnistnn.analysis.plots.surfaces import surface

RULES = ("sgd learning_rate=0.18", "momentum learning_rate=0.02", "adam learning_rate=0.2")


def drawn(name="bowl", rules=RULES, steps=40, **form) -> bytes:
    landscape = surface(name)
    paths = [path_of(update_rule(text), landscape, landscape.start, steps, None) for text in rules]
    return surface_figure.surface_figure(landscape, paths, landscape.start, SurfaceForm("svg", **form))


@pytest.fixture
def axes(monkeypatch):
    """Return a function that draws, and gives the axes instead of a file."""
    found = []

    def instead(figure, file_format):
        found.append(figure.axes[0])
        return b""

    monkeypatch.setattr(surface_figure, "encode", instead)

    def draw(*arguments, **form):
        drawn(*arguments, **form)
        return found[-1]

    return draw


def line_of(axes, label):
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return line


def test_same_paths_give_the_same_bytes_and_others_give_others():
    assert drawn(steps=20) == drawn(steps=20) != drawn(steps=21)


@pytest.mark.parametrize("name", ["bowl", "one-dimension"])
def test_picture_of_three_rules_is_small(name):
    content = drawn(name)
    assert len(content) < 60_000
    ElementTree.fromstring(content)


def test_valley_is_small_too():
    assert len(drawn("valley", ("sgd learning_rate=0.002", "l_bfgs"), 50)) < 60_000


def test_path_goes_through_its_points_with_a_marker_at_each(axes):
    line = line_of(axes("bowl", RULES[1:2], 12), "momentum, learning_rate 0.02")
    landscape = surface("bowl")
    path = path_of(update_rule(RULES[1]), landscape, landscape.start, 12, None)
    np.testing.assert_allclose(line.get_xydata(), path.points)
    assert line.get_markevery() == [*range(13)]


def test_points_that_cannot_be_told_apart_have_one_marker(axes):
    line = line_of(axes("bowl", ("sgd learning_rate=0.1",), 300), "sgd, learning_rate 0.1")
    assert len(line.get_xydata()) == 301
    assert 20 < len(line.get_markevery()) < 80


def test_path_that_leaves_is_drawn_to_the_edge_without_a_marker_there(axes):
    line = line_of(axes("bowl", ("sgd learning_rate=0.21",), 400), "sgd, learning_rate 0.21")
    x, y = line.get_xydata()[-1]
    assert abs(y) == pytest.approx(1.5)
    assert abs(x) < 2.4
    assert line.get_markevery() == [0, 1, 2, 3, 4]


def test_points_of_one_variable_lie_on_the_curve(axes):
    line = line_of(axes("one-dimension", ("sgd learning_rate=0.05",), 10), "sgd, learning_rate 0.05")
    x, y = line.get_xydata().T
    np.testing.assert_allclose(y, 0.25 * x**4 - x**2 + 0.3 * x)


def test_slope_at_the_start_is_drawn_and_named(axes):
    found = axes("one-dimension", (), 1)
    assert [text.get_text() for text in found.texts] == ["slope 4.3"]
    tangents = [line.get_xydata() for line in found.lines if len(line.get_xydata()) == 2]
    (((x0, y0), (x1, y1)),) = tangents
    assert (y1 - y0) / (x1 - x0) == pytest.approx(2.0**3 - 2 * 2.0 + 0.3)


def test_x_and_y_have_one_scale_so_that_gradients_cross_contours_at_right_angles(axes):
    assert axes("bowl").get_aspect() == 1
    assert axes("valley", ("l_bfgs",), 5).get_aspect() == 1


def test_size_and_title_are_as_asked_for(axes):
    found = axes("bowl", RULES, 5, width_cm=10.0, height_cm=9.0, title="A bowl")
    assert found.get_title() == "A bowl"
    assert found.figure.get_size_inches() == pytest.approx([10 / 2.54, 9 / 2.54])


def test_markers_say_their_style_once():
    assert not re.search(rb"<use [^>]*fill: #0072b2[^>]*/>\s*<use", drawn())
