"""Columns of rows: NaN where there is nothing, and gone on with when rows are added."""

import numpy as np

from mnistnn.run.columns import Columns
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView
from mnistnn.types import Row

ROWS: list[Row] = [{"epoch": 1, "a": 2.0}, {"epoch": 2}, {"epoch": 3, "a": 4.0, "b": 5.0}]


def test_column_has_a_place_for_each_row():
    columns = Columns(ROWS)
    np.testing.assert_array_equal(columns["epoch"], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(columns["a"], [2.0, np.nan, 4.0])
    np.testing.assert_array_equal(columns["none"], [np.nan] * 3)
    assert columns.metrics == ["a", "b"]


def test_columns_go_on_with_what_was_made_of_the_rows_before():
    before = Columns(ROWS[:2])
    _ = before["a"]
    after = Columns([*({} for _ in range(2)), ROWS[2]], before)
    np.testing.assert_array_equal(after["a"], [2.0, np.nan, 4.0])
    assert after.metrics == ["a", "b"]
    np.testing.assert_array_equal(Columns(ROWS, Columns(ROWS[:2]))["b"], [np.nan, np.nan, 5.0])


def test_view_of_a_run_that_has_grown_has_the_columns_of_all_rows(trainer):
    before = RunView(RunDirectory(trainer.run.path))
    _ = before.columns["valid.loss"]
    trainer.have(4)
    now = RunView(trainer.run)
    now.take_unchanged(before)
    np.testing.assert_array_equal(now.columns["valid.loss"], [row["valid.loss"] for row in now.rows])
    assert len(now.rows) == 4
    assert now.rows[0] is before.rows[0]


def test_view_of_a_run_that_was_cut_back_takes_nothing_from_before(trainer):
    trainer.have(4)
    before = RunView(trainer.run)
    _ = before.columns["valid.loss"]
    lines = trainer.run.metrics.read_text().splitlines(keepends=True)
    trainer.run.metrics.write_text("".join([*lines[:1], lines[2]]))
    now = RunView(trainer.run)
    now.take_unchanged(before)
    np.testing.assert_array_equal(now.columns["epoch"], [1, 3])
