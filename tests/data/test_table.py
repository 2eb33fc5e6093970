"""Rows of a CSV file: which are inputs, targets and splits, and what is refused, with its place."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from mnistnn.data.spec import Data
from mnistnn.data.table import Table
from mnistnn.errors import ConfigError, DataError

# a is the number of the row, b ten times as much, and the kind is another one in every second row.
TEN_ROWS = "a,kind,b\n" + "".join(f"{row},{'odd' if row % 2 else 'even'},{10 * row}\n" for row in range(10))


@pytest.fixture
def table(tmp_path):
    """Write a file, and return a table that takes its numbers as they are, unless told otherwise."""

    def make(content: str = TEN_ROWS, **keys: Any) -> Table:
        path = tmp_path / "rows.csv"
        path.write_text(content)
        given: dict[str, Any] = {"path": str(path), "standardize": False, "valid": 0.2, "test": 0.3} | keys
        return Table(**given)

    return make


def test_rows_are_cut_into_splits_in_their_order(table):
    rows = table(label="kind").read()
    assert rows.splits == {"train": range(5), "valid": range(5, 7), "test": range(7, 10)}


def test_inputs_are_all_columns_but_the_label_and_classes_are_words_in_order(table):
    rows = table(label="kind").read()
    assert rows.inputs.tolist() == [[row, 10 * row] for row in range(10)]
    assert rows.inputs.dtype == np.float32
    assert rows.targets.tolist() == [0, 1] * 5
    assert rows.targets.dtype == np.int64
    assert rows.class_names == ("even", "odd")


def test_numbers_are_predicted_from_the_other_columns(table):
    rows = table("x,y,z\n" + "1,2,3\n" * 9 + "4,5,6\n", predict=["z", "x"]).read()
    assert rows.class_names is None
    assert rows.inputs.tolist() == [[2.0]] * 9 + [[5.0]]
    assert rows.targets.tolist() == [[3.0, 1.0]] * 9 + [[6.0, 4.0]]
    assert rows.targets.dtype == np.float32


def test_columns_choose_inputs_in_their_order(table):
    assert table(label="kind", columns=["b", "a"]).read().inputs[3].tolist() == [30, 3]
    assert table(predict=["b"], columns=["a"]).read().inputs[3].tolist() == [3]


def test_standardizing_takes_mean_and_deviation_of_the_training_rows(table):
    rows = table(predict=["b"], columns=["a"], standardize=True).read()
    np.testing.assert_allclose(rows.inputs[:, 0], (np.arange(10) - 2) / np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(rows.targets, rows.inputs, rtol=1e-6)


def test_whole_table_is_each_split(table):
    rows = table("a,b,and\n0,0,0\n0,1,0\n1,0,0\n1,1,1\n", label="and", whole=True).read()
    assert set(rows.splits.values()) == {range(4)}
    assert rows.splits.keys() == {"train", "valid", "test"}


def test_no_validation_rows_are_had_for_the_asking(table):
    rows = table(label="kind", valid=0).read()
    assert [len(rows.splits[split]) for split in ("train", "valid", "test")] == [7, 0, 3]


def test_digest_is_that_of_the_file(table):
    made = table(label="kind")
    assert made.digests() == {made.path: hashlib.sha256(TEN_ROWS.encode()).hexdigest()}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "takes one of label, the column of classes, and predict, the columns of numbers"),
        ({"label": "kind", "predict": ["b"]}, "takes one of label"),
        ({"label": "kind", "columns": ["a", "kind"]}, "columns: 'kind' is no input, but what is predicted (label)"),
        ({"predict": ["b"], "columns": ["b"]}, "columns: 'b' is no input, but what is predicted (predict)"),
        ({"predict": ["b", "b"]}, "each column once"),
        ({"label": "kind", "valid": 0.5, "test": 0.5}, "nothing is left to train"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused(keys, message):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Table).validate_json(json.dumps({"path": "rows.csv", **keys}))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "key", "message"),
    [
        ({"label": "kinds"}, "label", "has no column 'kinds'; did you mean 'kind'?"),
        ({"label": "kind", "columns": ["A"]}, "columns", "has no column 'A'"),
        ({"predict": ["c"]}, "predict", "has no column 'c'"),
        ({"label": "kind", "columns": ["a"], "valid": 0.01}, "valid", "of the 10 rows in"),
        ({"label": "kind", "columns": ["a"], "test": 0.01}, "test", "the test split has none"),
        ({"predict": ["a", "kind", "b"]}, "predict", "so there are no inputs"),
    ],
)
def test_what_the_file_does_not_have_is_refused_at_its_key(table, keys, key, message):
    with pytest.raises(ConfigError) as caught:
        table(**keys).read()
    assert caught.value.key == key
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; its first line is to name the columns"),
        ("a,kind\n", "has no rows below the names of its columns"),
        ("a,kind\n1,x\nfour,y\n", "line 3, column 'a': 'four' is no number; `columns` names those to read"),
        ("a,kind\n1,x\n2\n", "line 3: has 1 fields, and the first line names 2 columns"),
        ("a,kind\n" + "1,x\n" * 8 + "2,\n3,y\n", "line 10, column 'kind': is empty; each row has a label"),
        ("a,kind\n" + "1,x\n" * 10, "column 'kind' has fewer than two different labels"),
    ],
)
def test_file_at_fault_is_refused_with_its_place(table, content, message):
    with pytest.raises(DataError) as caught:
        table(content, label="kind").read()
    assert message in str(caught.value)
    assert "rows.csv" in str(caught.value)


def test_missing_file_is_refused_at_its_key(tmp_path):
    Path(tmp_path, "rows.csv").write_text(TEN_ROWS)
    with pytest.raises(ConfigError, match=r"no such file: .*row\.csv; did you mean .*rows\.csv") as caught:
        Table(path=str(tmp_path / "row.csv"), label="kind").read()
    assert caught.value.key == "path"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"labels": {"positive": [0]}}, "labels: makes two classes of those of images, and these are rows of a table"),
        ({"sequences": {"type": "adding"}}, "table: takes the place of images, and so does sequences"),
    ],
)
def test_data_are_of_one_kind(keys, message):
    table = {"path": "rows.csv", "label": "kind"}
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Data).validate_json(json.dumps({"table": table, **keys}))
    assert message in str(caught.value)
