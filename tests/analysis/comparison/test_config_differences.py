"""The keys in which experiments differ, with the value of each."""

from mnistnn.analysis.comparison.config_differences import CHARACTERS_SHOWN, differing_keys, value_text
from mnistnn.config.diff import ABSENT


def test_only_keys_that_differ_are_named_with_the_value_of_each():
    configs = [{"rate": rate, "size": 20, "stop": [{"epochs": epochs}]} for rate, epochs in ((1, 5), (2, 5), (1, 6))]
    assert differing_keys(configs) == [("rate", [1, 2, 1]), ("stop.0.epochs", [5, 5, 6])]


def test_seeds_claims_and_a_single_experiment_differ_in_nothing():
    assert differing_keys([{"seed": 0, "expect": {"source": "x"}}, {"seed": 1, "expect": {}}]) == []
    assert differing_keys([{"rate": 1}]) == []


def test_key_inside_of_one_that_is_missing_elsewhere_is_named_if_it_differs_among_the_others():
    drop, less = {"keep": 0.5, "maps": False}, {"keep": 0.8, "maps": False}
    configs = [{"layers": layers} for layers in ({"drop": drop}, {"drop": less}, {})]
    assert differing_keys(configs) == [
        ("layers.drop", [drop, less, ABSENT]),
        ("layers.drop.keep", [0.5, 0.8, ABSENT]),
    ]
    assert differing_keys([configs[0], configs[0], configs[2]]) == [("layers.drop", [drop, drop, ABSENT])]
    assert differing_keys(configs[:2]) == [("layers.drop.keep", [0.5, 0.8])]


def test_items_that_only_some_lists_have_are_absent_elsewhere():
    assert differing_keys([{"steps": [1, 2]}, {"steps": [1]}]) == [("steps.1", [2, ABSENT])]


def test_order_of_keys_is_a_difference():
    configs = [{"layers": {"a": 1, "b": 2}}, {"layers": {"b": 2, "a": 1}}, {"layers": {"a": 1, "b": 2}}]
    assert differing_keys(configs) == [("layers (order)", [["a", "b"], ["b", "a"], ["a", "b"]])]


def test_values_are_written_as_in_an_experiment_file():
    assert [value_text(each) for each in (ABSENT, None, 1e-5, "relu", True, {"keep": 0.5}, [1, 2])] == [
        "–",
        "null",
        "1.0e-05",
        "relu",
        "true",
        '{"keep": 0.5}',
        "[1, 2]",
    ]


def test_long_value_is_cut():
    assert len(value_text([100] * 50)) == CHARACTERS_SHOWN
