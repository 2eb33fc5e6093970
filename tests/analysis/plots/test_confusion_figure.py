"""The confusion matrix as a figure."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.plots.confusion_figure import _draw_cells, _draw_frame, draw, format_of
from mnistnn.errors import ResourceError, UsageError

MATRIX = np.array([[90, 10, 0], [0, 48, 2], [0, 0, 0]])


@pytest.fixture
def axes():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    return Figure().subplots()


@pytest.mark.parametrize(("name", "expected"), [("a.png", "png"), ("b.PDF", "pdf"), ("c.d.svg", "svg")])
def test_name_decides_the_format(name, expected):
    assert format_of(Path(name)) == expected


@pytest.mark.parametrize("name", ["a", "a.jpg", "png", ".png"])
def test_other_names_are_refused(name):
    with pytest.raises(UsageError, match=r"ends in \.png, \.pdf, \.svg"):
        format_of(Path(name))


@pytest.mark.parametrize(("name", "begins"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_equal_matrices_give_equal_files(name, begins):
    pytest.importorskip("matplotlib")
    content = draw(MATRIX, "a title", name)
    assert content.startswith(begins)
    assert content == draw(MATRIX, "a title", name)
    assert content != draw(MATRIX.T, "a title", name)


@pytest.mark.parametrize(
    ("whole", "expected"),
    [
        (None, {(0, 0): "90", (0, 1): "10", (1, 1): "48", (1, 2): "2"}),
        ("true", {(0, 0): "90.0", (0, 1): "10.0", (1, 1): "96.0", (1, 2): "4.0"}),
        ("read", {(0, 0): "100.0", (0, 1): "17.2", (1, 1): "82.8", (1, 2): "100.0"}),
    ],
)
def test_cells_have_their_numbers_and_zeros_none(axes, whole, expected):
    _draw_cells(axes, MATRIX, whole)
    found = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert found == expected


def test_only_mistakes_are_coloured(axes):
    _draw_cells(axes, MATRIX, None)
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), [[0, 10, 0], [0, 0, 2], [0, 0, 0]])
    assert len(axes.patches) == 3


def test_matrix_without_mistakes_can_be_drawn(axes):
    _draw_cells(axes, np.diag([3, 4]), None)
    assert [text.get_text() for text in axes.texts] == ["3", "4"]


def test_rows_end_with_their_error(axes):
    _draw_frame(axes, MATRIX)
    (right,) = axes.child_axes
    assert [label.get_text() for label in right.get_yticklabels()] == ["10.00 %", "4.00 %", ""]


def test_many_classes_have_no_numbers(axes):
    _draw_cells(axes, np.eye(100, dtype=int), None)
    assert not axes.texts


@pytest.mark.parametrize("title", ["$\\frac$ and $x$", "数字", "a\nb", ""])
def test_title_may_be_anything(title):
    pytest.importorskip("matplotlib")
    assert draw(MATRIX, title, "svg").startswith(b"<?xml")


def test_without_matplotlib_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ResourceError, match=r"pip install 'mnistnn\[plot\]'"):
        draw(MATRIX, "", "png")
