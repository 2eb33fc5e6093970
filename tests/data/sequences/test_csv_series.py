"""Sequences from CSV files: what is cut how, and what is refused, with its place."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mnistnn.data import csv_table
from mnistnn.data.csv_table import _is_number
from mnistnn.data.sequences import csv_series
from mnistnn.data.sequences.contract import SequencesInfo, Unit
from mnistnn.data.sequences.csv_series import CsvSeries
from mnistnn.data.sequences.registry import AnySequences
from mnistnn.errors import ConfigError, DataError, ResourceError

SPLITS = ("train", "valid", "test")

# a is the number of the row, b ten times as much.
TWENTY_ROWS = "a,b\n" + "".join(f"{row},{10 * row}\n" for row in range(20))

# Of one to three rows each; the labels are words.
FOUR_SERIES = """\
who,x,y,is
ann,1,10,low
ann,2,20,low
bob,3,30,high
cid,4,40,low
cid,5,50,low
cid,6,60,low
dan,7,70,mid
dan,8,80,mid
"""


@pytest.fixture
def source(tmp_path):
    """Write a file, and return a source that reads it as it is, unless told otherwise."""

    def make(content: str | bytes, **keys) -> CsvSeries:
        path = tmp_path / "table.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        given: dict[str, Any] = {"path": str(path), "standardize": False} | keys
        return CsvSeries(**given)

    return make


@pytest.fixture
def forecast(source):
    return lambda content=TWENTY_ROWS, **keys: source(content, **{"window": 2} | keys)


@pytest.fixture
def labelled(source):
    keys = {"label": "is", "series": "who", "valid": 0.25, "test": 0.25}
    return lambda content=FOUR_SERIES, **more: source(content, **keys | more)


def test_windows_lie_side_by_side_and_targets_one_row_later(forecast):
    made = forecast(columns=["a"])
    assert made.describe() == SequencesInfo(
        2, 1, {"train": 6, "valid": 1, "test": 1}, None, 1, True, False, units=(Unit("a"),)
    )
    train, valid, test = map(made.read, SPLITS)
    assert train.inputs.dtype == train.targets.dtype == np.float32
    assert train.inputs[..., 0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    assert train.targets[..., 0].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]
    assert [valid.inputs.ravel().tolist(), valid.targets.ravel().tolist()] == [[14, 15], [15, 16]]
    assert [test.inputs.ravel().tolist(), test.targets.ravel().tolist()] == [[17, 18], [18, 19]]
    assert (train.lengths, valid.lengths, test.lengths) == (None, None, None)


def test_stride_and_horizon_move_windows_and_targets(forecast):
    train = forecast(columns=["a"], window=3, stride=2, horizon=4, valid=0, test=0.4).read("train")
    assert train.inputs[..., 0].tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]
    assert train.targets[..., 0].tolist() == [[4, 5, 6], [6, 7, 8], [8, 9, 10]]


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("horizon", [1, 2])
def test_no_row_is_seen_in_two_splits(forecast, stride, horizon):
    made = forecast(columns=["a"], window=2, stride=stride, horizon=horizon, valid=0.25, test=0.3)
    seen = [
        {float(row) for array in (found.inputs, found.targets) for row in array.ravel()}
        for found in map(made.read, SPLITS)
    ]
    assert seen[0] <= set(range(9))
    assert seen[1] <= set(range(9, 14))
    assert seen[2] <= set(range(14, 20))
    assert all(seen)


def test_last_row_of_a_split_is_a_target(forecast):
    made = forecast(columns=["a"], window=2, stride=1)
    assert [found.targets.max() for found in map(made.read, SPLITS)] == [13, 16, 19]


def test_columns_and_predict_choose_in_their_order(forecast):
    content = "a,b,c\n" + "".join(f"{row},{row + 100},{row + 200}\n" for row in range(20))
    made = forecast(content, columns=["c", "a"], predict=["b", "c"])
    info, train = made.describe(), made.read("train")
    assert (info.features, info.numbers) == (2, 2)
    assert train.inputs[0].tolist() == [[200, 0], [201, 1]]
    assert train.targets[0].tolist() == [[101, 201], [102, 202]]


def test_all_columns_are_read_and_forecast_if_none_are_named(forecast):
    train = forecast().read("train")
    assert train.inputs[1].tolist() == [[2, 20], [3, 30]]
    assert train.targets[1].tolist() == [[3, 30], [4, 40]]


def test_standardizing_takes_mean_and_deviation_of_the_training_rows(forecast):
    made = forecast(standardize=True, stride=1, valid=0.2, test=0.2)
    rows = np.arange(12)  # those of the training split
    expected = (np.arange(20) - rows.mean()) / rows.std()
    train, _, test = map(made.read, SPLITS)
    assert train.inputs[:, 0] == pytest.approx(np.stack([expected[:10]] * 2, axis=1), rel=1e-6)
    assert train.targets[:, 1, 0] == pytest.approx(expected[2:12], rel=1e-6)
    assert test.targets[-1, -1, 1] == pytest.approx(expected[19], rel=1e-6)


def test_units_turn_what_is_learned_into_values_of_the_file(forecast):
    made = forecast(standardize=True, columns=["a", "b"], predict=["b", "a"])
    (b, a), targets = made.describe().units, made.read("test").targets.astype(float)
    assert (b.name, a.name) == ("b", "a")
    assert b.centre + b.scale * targets[0, :, 0] == pytest.approx([180, 190], rel=1e-6)
    assert a.centre + a.scale * targets[0, :, 1] == pytest.approx([18, 19], rel=1e-6)


def test_column_that_does_not_vary_in_training_is_only_centred(forecast):
    rows = ["0.1"] * 14 + ["2.6"] * 6
    made = forecast("a\n" + "\n".join(rows), standardize=True)
    assert (made.read("train").inputs == 0).all()
    assert (made.read("test").inputs == np.float32(2.5)).all()


def test_standardizing_is_the_default():
    assert CsvSeries(path="a.csv", window=2).standardize


@pytest.mark.parametrize("use", ["forecast", "labelled"])
def test_no_validation_split_is_had_for_the_asking(request, use):
    made = request.getfixturevalue(use)(valid=0)
    found = made.read("valid")
    assert made.describe().examples["valid"] == len(found.inputs) == len(found.targets) == 0
    assert found.inputs.shape[1:] == made.read("train").inputs.shape[1:]


def test_series_are_padded_and_have_a_label_each(labelled):
    made = labelled()
    assert made.describe() == SequencesInfo(
        3, 2, {"train": 2, "valid": 1, "test": 1}, 3, None, False, True, ("high", "low", "mid")
    )
    train, valid, test = map(made.read, SPLITS)
    assert train.inputs.tolist() == [[[1, 10], [2, 20], [0, 0]], [[3, 30], [0, 0], [0, 0]]]
    assert valid.inputs.tolist() == [[[4, 40], [5, 50], [6, 60]]]
    assert test.inputs.tolist() == [[[7, 70], [8, 80], [0, 0]]]
    assert [found.targets.tolist() for found in (train, valid, test)] == [[1, 0], [1], [2]]
    assert [list(found.lengths) for found in (train, valid, test)] == [[2, 1], [3], [2]]
    assert train.inputs.dtype == np.float32
    assert train.targets.dtype == train.lengths.dtype == np.int64


def test_every_step_has_its_label_or_none(labelled):
    content = FOUR_SERIES.replace("ann,2,20,low", "ann,2,20,high").replace("cid,5,50,low", "cid,5,50,")
    made = labelled(content, every_step=True)
    assert made.describe().every_step
    assert [made.read(split).targets.tolist() for split in SPLITS] == [
        [[1, 0, -1], [0, -1, -1]],
        [[1, -1, 1]],
        [[2, 2, -1]],
    ]
    assert made.read("train").targets.dtype == np.int64


def test_series_of_one_length_have_no_lengths(labelled):
    made = labelled("is,x,who\n1,1,a\n1,2,a\n2,3,b\n2,4,b\n1,5,c\n1,6,c\n1,7,d\n1,8,d\n")
    assert not made.describe().ragged
    assert made.read("train").lengths is None


def test_standardizing_of_series_takes_their_training_rows_and_leaves_padding_at_zero(labelled):
    train = labelled(standardize=True).read("train")
    known = np.array([1, 2, 3])
    expected = (known - 2) / known.std()
    assert train.inputs[0, :, 0] == pytest.approx([*expected[:2], 0])
    assert train.inputs[1, :, 1] == pytest.approx([expected[2], 0, 0])


def test_labels_that_are_integers_are_ordered_as_numbers(labelled):
    content = FOUR_SERIES.replace("low", "10").replace("high", "9").replace("mid", "-1")
    made = labelled(content)
    assert made.describe().class_names == ("-1", "9", "10")
    assert [made.read(split).targets.tolist() for split in SPLITS] == [[2, 1], [2], [0]]


def test_labels_that_only_begin_like_integers_are_words(labelled):
    content = FOUR_SERIES.replace("low", "10th").replace("high", "9th").replace("mid", "0")
    assert labelled(content).describe().class_names == ("0", "10th", "9th")


def test_blanks_around_words_do_not_count(labelled):
    made = labelled(FOUR_SERIES.replace("ann,2,20,low", " ann ,2, 20 , low "))
    assert made.describe().class_names == ("high", "low", "mid")
    assert made.read("train").lengths.tolist() == [2, 1]


def test_series_do_not_overlap_and_are_all_there(labelled):
    made = labelled()
    x = [float(v) for split in SPLITS for v in made.read(split).inputs[..., 0].ravel() if v]
    assert x == [1, 2, 3, 4, 5, 6, 7, 8]


def test_same_file_is_read_alike_twice(labelled):
    first, second = labelled(standardize=True), labelled(standardize=True)
    for split in SPLITS:
        a, b = first.read(split), second.read(split)
        assert (a.inputs.tobytes(), a.targets.tobytes()) == (b.inputs.tobytes(), b.targets.tobytes())
        assert not a.inputs.flags.writeable


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way_and_the_file_in_blank_lines(forecast, end):
    expected = forecast().read("train").inputs
    found = forecast(TWENTY_ROWS.replace("\n", end) + 2 * end).read("train").inputs
    assert np.array_equal(found, expected)


def test_mark_of_utf8_and_blanks_and_quotes_are_not_part_of_a_name(forecast):
    content = "\ufeff" + TWENTY_ROWS.replace("a,b", ' "a", b ')
    assert forecast(content, columns=["b", "a"]).describe().features == 2


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_read(forecast, separator):
    found = forecast(TWENTY_ROWS.replace(",", separator), separator=separator).read("train").inputs
    assert np.array_equal(found, forecast().read("train").inputs)


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff"), min_size=1, max_size=8).filter(
    lambda name: name == name.strip()
)
tables = st.lists(names, min_size=1, max_size=4, unique=True).flatmap(
    lambda columns: st.tuples(
        st.just(columns),
        st.lists(
            st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=len(columns)).map(
                lambda row: row[: len(columns)]
            ),
            min_size=6,
            max_size=12,
        ),
    )
)


def are_names(columns: list[str]) -> bool:
    """Tell whether a first line is one of names: numbers alone are none, nor is one field with separators in it."""
    if len(columns) == 1 and set(columns[0]) & set(",;\t|"):
        return False
    return not all(_is_number(name) for name in columns)


@given(table=tables.filter(lambda table: are_names(table[0])), separator=st.sampled_from(",;\t|"))
def test_what_python_writes_is_read_back(tmp_path_factory, table, separator):
    columns, rows = table
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows([columns, *rows])
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_bytes(text.getvalue().encode())
    made = CsvSeries(path=str(path), separator=separator, standardize=False, window=1, valid=0.0, test=0.4)
    train, test = made.read("train"), made.read("test")
    found = [train.inputs[:, 0], train.targets[-1:, 0], test.inputs[:, 0], test.targets[-1:, 0]]
    assert np.array_equal(np.concatenate(found), np.array(rows, dtype=np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; its first line is to name the columns"),
        ("\n\n", "is empty; its first line is to name the columns"),
        ("a,b\n", "has no rows below the names of its columns"),
        ("\na,b\n1,2\n", "line 1: is blank, and is not the end of the file"),
        ("a,b\n1,2\n\n3,4\n", "line 3: is blank, and is not the end of the file"),
        ("a,\n1,2\n", "line 1: column 2 of 2 has no name"),
        ("a,b, a\n1,2,3\n", "line 1: two columns are called 'a'"),
        ("a,b\n1,2\n3\n", "line 3: has 1 fields, and the first line names 2 columns"),
        ("a,b\n1,2,3\n", "line 2: has 3 fields, and the first line names 2 columns"),
        ("a,b\n1,2\n3,x\n", "line 3, column 'b': 'x' is no number; `columns` names those to read"),
        ("a,b\n1,\n", "line 2, column 'b': '' is no number"),
        ("a,b\n1,1_000\n", "line 2, column 'b': '1_000' is no number"),
        ("a,b\n1,nan\n", "line 2, column 'b': 'nan' is not finite"),
        ("a,b\n-inf,1\n", "line 2, column 'a': '-inf' is not finite"),
        ("a,b\n1e999,1\n", "line 2, column 'a': '1e999' is not finite"),
        ("a,b\n1,-4e38\n", "line 2, column 'b': '-4e38' is larger than float32 can hold"),
        ('a,b\n1,2\n3,"4\n', "line 3: unexpected end of data"),
        ('a,b\n1,2\n"3"4,5\n', "line 3: ',' expected after '\"'"),
        ('"a\nc",b\n1,2\nx,4\n', "line 4, column 'a\\nc': 'x' is no number"),
        ("a,b\n1,\x1b[31m" + "y" * 200, "line 2, column 'b': '\\x1b[31m" + "y" * 74 + "…' is no number"),
        (b"a,b\n1,2\n\xff,3\n", "line 3: is not text in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "line 1: is not text in UTF-8"),
        ("a,b\n1,2\n3," + "4" * 200_000, "line 3: field larger than field limit (131072)"),
    ],
)
def test_file_that_is_no_table_of_numbers_is_refused_with_its_place(forecast, content, message):
    made = forecast(content)
    with pytest.raises(DataError) as caught:
        made.describe()
    assert str(caught.value).startswith(f"{made.path}: {message}")


def test_hint_is_left_out_where_the_columns_are_named(forecast):
    with pytest.raises(DataError, match=r"'x' is no number$"):
        forecast("a\nx\n", columns=["a"]).describe()


def test_missing_file_is_refused_with_the_nearest_one_beside_it(forecast, tmp_path):
    forecast()
    made = CsvSeries(path=str(tmp_path / "tabel.csv"), window=2)
    with pytest.raises(ConfigError, match=r"no such file: .*tabel.csv; did you mean '.*/table.csv'\?$") as caught:
        made.describe()
    assert caught.value.key == "path"


@pytest.mark.parametrize("path", ["no/such/folder.csv", "a\0b", "x" * 5000])
def test_path_that_cannot_be_is_refused(path):
    with pytest.raises(ConfigError) as caught:
        CsvSeries(path=path, window=2).describe()
    assert caught.value.key == "path"


def test_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read: is a directory"):
        CsvSeries(path=str(tmp_path), window=2).describe()


def test_file_that_is_too_large_is_refused(forecast, monkeypatch):
    monkeypatch.setattr(csv_table, "MAX_CSV_BYTES", 100)
    with pytest.raises(DataError, match="larger than the 100 bytes that are allowed"):
        forecast().describe()


def test_too_many_columns_are_refused(forecast):
    with pytest.raises(DataError, match="line 1: 100001 columns, allowed are up to 100000"):
        forecast(",".join(map(str, range(100_001)))).describe()


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"columns": ["temperatur"]}, "columns"),
        ({"predict": ["Temperature"]}, "predict"),
        ({"window": None, "label": "temperature", "series": "temprature"}, "series"),
        ({"window": None, "label": "temperatures", "series": "b"}, "label"),
    ],
)
def test_unknown_column_is_refused_with_the_nearest(forecast, keys, key):
    made = forecast(TWENTY_ROWS.replace("a,", "temperature,", 1), **keys)
    with pytest.raises(ConfigError, match=r"did you mean 'temperature'\? its columns: 'temperature', 'b'$") as caught:
        made.describe()
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("keys", "needed", "split", "has"),
    [
        ({"window": 3}, 4, "valid", 3),
        ({"window": 2, "horizon": 2}, 4, "valid", 3),
        ({"window": 2, "valid": 0.01}, 3, "valid", 0),
        ({"window": 5, "valid": 0.3, "test": 0.2}, 6, "test", 4),
        ({"window": 2, "valid": 0.4, "test": 0.5}, 3, "train", 2),
    ],
)
def test_window_that_is_longer_than_a_split_is_refused(forecast, keys, needed, split, has):
    with pytest.raises(
        ConfigError, match=f"needs {needed} rows, and the {split} split has {has} of the 20 in"
    ) as caught:
        forecast(**keys).describe()
    assert caught.value.key == "window"


def test_window_that_just_fits_is_taken(forecast):
    assert forecast(window=2).describe().examples["valid"] == 1


def test_windows_beyond_memory_are_refused(forecast, monkeypatch):
    monkeypatch.setattr(csv_series, "MAX_NUMBERS", 40)
    assert forecast().describe().examples["train"] == 6
    with pytest.raises(
        ConfigError, match=r"windows of 2 steps every 1 rows have 48 inputs .* allowed are 40"
    ) as caught:
        forecast(stride=1).describe()
    assert caught.value.key == "stride"


def test_number_too_far_from_the_training_split_is_refused_with_its_place(forecast):
    rows = ["0", "1e-30"] * 8 + ["1e30"] * 4
    with pytest.raises(DataError, match="line 18, column 'a': is so far from the training split that float32"):
        forecast("a\n" + "\n".join(rows), standardize=True).describe()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "cid,5,50,low",
            "cid,5,50,mid",
            "line 6, column 'is': 'mid', and series 'cid' began with 'low'; a series has one",
        ),
        (
            "cid,5,50,low",
            "cid,5,50,",
            "line 6, column 'is': is empty; each row has the label of its series, which is 'cid'",
        ),
        ("bob,3,30,high", "bob,3,30,", "line 4, column 'is': is empty;"),
        ("dan,7", "bob,7", "line 8: series 'bob' comes back, which began in line 4; the rows of a series must follow"),
        ("bob,", " ,", "line 4: the series has no name"),
        ("bob,3", "bob,x", "line 4, column 'x': 'x' is no number"),
    ],
)
def test_series_that_are_not_told_apart_or_labelled_are_refused_with_their_line(labelled, old, new, message):
    made = labelled(FOUR_SERIES.replace(old, new))
    with pytest.raises(DataError) as caught:
        made.describe()
    assert str(caught.value).startswith(f"{made.path}: {message}")


def test_series_without_any_label_is_refused(labelled):
    content = FOUR_SERIES.replace("dan,7,70,mid", "dan,7,70,").replace("dan,8,80,mid", "dan,8,80,")
    with pytest.raises(DataError, match="line 8: no row of series 'dan' has a label"):
        labelled(content, every_step=True).describe()


def test_one_class_is_refused(labelled):
    with pytest.raises(DataError, match="column 'is' has fewer than two different labels"):
        labelled(FOUR_SERIES.replace("high", "low").replace("mid", "low")).describe()


@pytest.mark.parametrize(
    ("keys", "split", "key"),
    [
        ({"valid": 0.1}, "valid", "valid"),
        ({"test": 0.1}, "test", "test"),
        ({"valid": 0.49, "test": 0.5}, "train", "test"),
    ],
)
def test_split_without_a_series_is_refused(labelled, keys, split, key):
    with pytest.raises(ConfigError, match=f"of the 4 series in .*, the {split} split has none") as caught:
        labelled(**keys).describe()
    assert caught.value.key == key


def test_table_without_inputs_is_refused(labelled):
    with pytest.raises(ConfigError, match="no columns but label and series") as caught:
        labelled("who,is\na,1\nb,2\n").describe()
    assert caught.value.key == "series"


def test_padding_beyond_memory_is_refused(labelled, monkeypatch):
    monkeypatch.setattr(csv_series, "MAX_NUMBERS", 12)
    labelled().describe()
    monkeypatch.setattr(csv_series, "MAX_NUMBERS", 11)
    with pytest.raises(ResourceError, match=r"has 12 inputs when .* as the longest, with 3 rows; allowed are 11"):
        labelled().describe()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "takes window, to forecast a series, or label and series"),
        ({"label": "a"}, "label and series belong together"),
        ({"window": 2, "series": "a"}, "label and series belong together"),
        ({"window": 2, "every_step": True}, "every_step: says where labels are, and there is no label"),
        ({"label": "a", "series": "b", "window": 2}, "window: is for forecasting"),
        ({"label": "a", "series": "b", "stride": 2}, "stride: is for forecasting"),
        ({"label": "a", "series": "b", "predict": ["c"]}, "predict: is for forecasting"),
        ({"label": "a", "series": "b", "horizon": 2}, "horizon: is for forecasting"),
        ({"label": "a", "series": "a"}, "label and series are two columns, got 'a' for both"),
        ({"label": "a", "series": "b", "columns": ["c", "a"]}, "columns: 'a' is no input, but the label"),
        ({"label": "a", "series": "b", "columns": ["b"]}, "columns: 'b' is no input, but the series"),
        ({"window": 2, "valid": 0.5, "test": 0.5}, "valid and test are 0.5 and 0.5 of everything"),
        ({"window": 2, "columns": ["a", "b", "a"]}, "each column once, got"),
        ({"window": 2, "columns": []}, "at least 1 item"),
        ({"window": 0}, "greater than or equal to 1"),
        ({"window": 2, "test": 0.0}, "greater than 0"),
        ({"window": 2, "separator": "x"}, "Input should be ','"),
        ({"window": 2, "path": ""}, "at least 1 character"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(AnySequences).validate_json(json.dumps({"type": "csv", "path": "a.csv"} | keys))


def test_registry_finds_it_and_its_keys_are_documented():
    made = TypeAdapter(AnySequences).validate_json('{"type": "csv", "path": "a.csv", "window": 2}')
    assert isinstance(made, CsvSeries)
    keys = TypeAdapter(CsvSeries).json_schema()["properties"]
    assert {key for key, schema in keys.items() if "description" not in schema} <= {"type"}


def test_path_is_seen_from_the_folder_of_work(forecast, monkeypatch):
    made = forecast()
    monkeypatch.chdir(Path(made.path).parent)
    assert CsvSeries(path="table.csv", window=2, standardize=False).describe() == made.describe()
