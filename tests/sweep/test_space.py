"""What stands on the command line of a sweep, and the points that it means."""

import math

import numpy as np
import pytest

from mnistnn.errors import UsageError
from mnistnn.sweep.space import Listed, Range, parse_space


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("a=1,2,3", ("1", "2", "3")),
        ("a.b = x , y", ("x", "y")),
        ("a=[1, 2],[3, 4]", ("[1, 2]", "[3, 4]")),
        ("a={type: x, k: [1, 2]},null", ("{type: x, k: [1, 2]}", "null")),
        ("a='x,y',\"z\"", ("'x,y'", '"z"')),
        ("a=1e-3,1..2", ("1e-3", "1..2")),
    ],
)
def test_values_are_listed_with_commas_outside_of_brackets_and_quotes(argument, values):
    (axis,) = parse_space([argument]).axes
    assert axis == Listed(argument.partition("=")[0].strip(), values)


@pytest.mark.parametrize("argument", ["a=1", "a=[1, 2]", "a={x: 1, y: 2}", "a='1,2'", "a", "a="])
def test_all_else_is_the_same_for_every_point(argument):
    space = parse_space([argument])
    assert (space.axes, space.fixed, space.size) == ((), (argument,), 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-4..1e-1:log", Range("a", 1e-4, 1e-1, is_log=True, is_whole=False)),
        ("0.5..2", Range("a", 0.5, 2.0, is_log=False, is_whole=False)),
        ("-3..4", Range("a", -3, 4, is_log=False, is_whole=True)),
        ("16..512:log", Range("a", 16, 512, is_log=True, is_whole=True)),
    ],
)
def test_ranges_are_read(text, expected):
    assert parse_space([f"a={text}"]).axes == (expected,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a=2..1"], "the range must go up"),
        (["a=1..1"], "the range must go up"),
        (["a=0..1:log"], "begins above 0"),
        (["a=1..2:lin"], "not ':lin'"),
        (["a=1..1e999"], "the range must go up"),
        (["a=1,,2"], "a value is missing"),
        (["a=1,2,1"], "1 is given twice"),
        (["a=1,2", "a=3,4"], "a is given twice"),
        (["a=1,2", "a=3"], "a is given twice"),
        (["seed=1,2"], "--seeds"),
        (["seed=1"], "--seeds"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(arguments, message):
    with pytest.raises(UsageError, match=message):
        parse_space(arguments)


def test_grid_has_every_combination_once_the_last_axis_fastest():
    space = parse_space(["a=1,2", "fixed=7", "b=x,y,z"])
    assert space.size == 6
    assert [*space.grid()] == [{"a": a, "b": b} for a in "12" for b in "xyz"]


def test_no_axis_is_one_point():
    assert [*parse_space(["a=1"]).grid()] == [{}]


def test_drawn_points_do_not_depend_on_how_many_are_drawn():
    space = parse_space(["a=1e-4..1e-1:log", "b=x,y,z", "c=1..9"])
    assert space.draw(5, seed=3) == space.draw(20, seed=3)[:5]
    assert space.draw(5, seed=3) != space.draw(5, seed=4)


def test_drawn_points_are_all_different_and_can_exhaust_a_grid():
    space = parse_space(["a=1,2,3", "b=x,y"])
    assert sorted(map(str, space.draw(6, seed=0))) == sorted(map(str, space.grid()))
    with pytest.raises(UsageError, match="only 6 combinations"):
        space.draw(7, seed=0)


def test_range_of_few_numbers_that_cannot_give_so_many_points_is_refused():
    with pytest.raises(UsageError, match="only about 3 different points"):
        parse_space(["a=1..3"]).draw(4, seed=0)


def test_logarithmic_range_is_drawn_evenly_in_the_logarithm():
    drawn = [math.log10(float(point["a"])) for point in parse_space(["a=1e-4..1:log"]).draw(2000, seed=0)]
    assert min(drawn) >= -4
    assert max(drawn) <= 0
    counts, _ = np.histogram(drawn, bins=4, range=(-4, 0))
    assert (abs(counts - 500) < 5 * math.sqrt(500 * 0.75)).all()


def test_whole_numbers_are_drawn_evenly_with_both_ends():
    (axis,) = parse_space(["a=1..4"]).axes
    drawn = [axis.draw(np.random.default_rng(n)) for n in range(2000)]
    assert set(drawn) == {"1", "2", "3", "4"}
    assert all(abs(drawn.count(value) - 500) < 5 * math.sqrt(500 * 0.75) for value in "1234")


def test_drawn_numbers_have_so_few_digits_that_the_configuration_shows_them_whole():
    for point in parse_space(["a=1e-4..1e-1:log"]).draw(50, seed=0):
        assert float(f"{float(point['a']):.6g}") == float(point["a"])


def test_ends_are_those_of_each_range_and_every_listed_value_beside_the_first_of_the_others():
    space = parse_space(["a=1..9", "b=x,y,z", "c=0.5..2:log"])
    first = {"a": "1", "b": "x", "c": "0.5"}
    assert space.ends() == [first, first | {"a": "9"}, first | {"b": "y"}, first | {"b": "z"}, first | {"c": "2"}]
    assert [axis.count for axis in space.axes] == [9, 3, math.inf]
