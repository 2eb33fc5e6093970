import numpy as np
import pytest

from mnistnn.models.fitted.boosting.growing import GrowingArrays
from mnistnn.types import ShapeError

KINDS = {"a": ((2,), "int32"), "b": ((), "float64")}


def grown(rows: int) -> GrowingArrays:
    arrays = GrowingArrays(KINDS)
    for row in range(rows):
        arrays.append({"a": (row, -row), "b": row / 2})
    return arrays


@pytest.mark.parametrize("rows", [0, 1, 64, 65, 300])
def test_arrays_have_the_rows_that_were_added(rows):
    views, numbers = grown(rows).views(), np.arange(rows)
    assert np.array_equal(views["a"], np.stack([numbers, -numbers], axis=1))
    assert np.array_equal(views["b"], numbers / 2)
    assert [str(view.dtype) for view in views.values()] == ["int32", "float64"]


def test_views_stay_while_arrays_grow():
    arrays = grown(3)
    before = arrays.views()
    for _ in range(100):
        arrays.append({"a": 9, "b": 9.0})
    assert np.array_equal(before["b"], [0, 0.5, 1])


def test_rows_that_were_cut_off_are_replaced():
    arrays = grown(70)
    arrays.cut(2)
    arrays.cut(5)  # longer than they are
    arrays.append({"a": 7, "b": 7.0})
    assert arrays["b"].tolist() == [0, 0.5, 7]


def test_replaced_arrays_are_copies_that_grow():
    source = {name: array.copy() for name, array in grown(4).views().items()}
    arrays = GrowingArrays(KINDS)
    arrays.replace(source)
    source["b"][:] = -1
    arrays.append({"a": 7, "b": 7.0})
    assert arrays["b"].tolist() == [0, 0.5, 1, 1.5, 7]


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": np.zeros((3, 2), np.int32)},  # b is missing
        {"a": np.zeros((3, 2), np.int32), "b": np.zeros(2)},
        {"a": np.zeros((3, 3), np.int32), "b": np.zeros(3)},
        {"a": np.zeros((3, 2), np.int64), "b": np.zeros(3)},
        {"a": np.zeros((3, 2), np.int32), "b": np.array(0.0)},
    ],
)
def test_arrays_of_another_form_are_refused(wrong):
    arrays = grown(2)
    with pytest.raises(ShapeError):
        arrays.replace(wrong)
    assert len(arrays) == 2
