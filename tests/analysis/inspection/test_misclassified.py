"""Misclassified examples: which, in what order, and as text."""

from dataclasses import replace

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import Predictions
from mnistnn.analysis.inspection.misclassified import cell_width, draw_in_text, misclassified_of, order_of
from mnistnn.analysis.plots.contact_sheet import ASCII_BLOCKS
from mnistnn.errors import UsageError

P = np.array([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.0, 0.1, 0.9], [0.2, 0.3, 0.5]])
SURE = Predictions(np.array([0, 1, 1, 0]), P.argmax(axis=1), P, 3)
SCORES = Predictions(np.array([0, 1, 1, 0]), P.argmax(axis=1), None, 3)


def test_most_confident_predictions_come_first():
    found = misclassified_of(SURE, "confidence")
    assert [each.place for each in found] == [2, 1, 3]
    assert (found[0].true, found[0].predicted, found[0].probability, found[0].probability_true) == (1, 2, 0.9, 0.1)
    assert (found[0].what, found[0].how_surely) == ("1 as 2", "90.00 %")


def test_they_can_come_in_order():
    assert [each.place for each in misclassified_of(SURE, "order")] == [1, 2, 3]


@pytest.mark.parametrize(("true", "places"), [(0, [3]), (1, [2, 1]), (2, [])])
def test_one_class_can_be_chosen(true, places):
    assert [each.place for each in misclassified_of(SURE, "confidence", true)] == places


def test_class_is_meant_by_its_name_or_its_number():
    named = replace(SURE, names=["a", "b", "2"])
    assert [named.label_of(each) for each in ("a", "b", "2", "0", "1")] == [0, 1, 2, 0, 1]
    assert misclassified_of(named, "order")[0].what == "b as a"
    with pytest.raises(UsageError, match="--class: there is no class '3'; there are a, b, 2"):
        named.label_of("3")


def test_scores_have_an_order_but_no_confidence():
    assert (order_of(SURE, None), order_of(SURE, "order"), order_of(SCORES, None)) == ("confidence", "order", "order")
    with pytest.raises(UsageError, match="--by order works"):
        order_of(SCORES, "confidence")
    found = misclassified_of(SCORES, "order")[0]
    assert (found.what, found.how_surely, found.probability, found.probability_true) == ("1 as 0", "", None, None)


def test_pictures_stand_above_their_captions():
    images = np.zeros((3, 2, 4), np.uint8)
    images[0, 0] = images[1, 1] = 255
    drawn = draw_in_text(images, ["1 as 2", "long one", "3 as 4"], across=2, blocks=ASCII_BLOCKS)
    assert drawn.split("\n") == ["''''     ....", "1 as 2   long one", "", "", "3 as 4"]
    assert cell_width(4, ["1 as 2", "long one"]) == 8
    assert cell_width(28, ["1 as 2"]) == 28
