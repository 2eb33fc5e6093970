import json

import pytest
from pydantic import TypeAdapter, ValidationError

from mnistnn.data.spec import Data


def test_data_without_keys_is_mnist_split_like_the_course_file():
    data = TypeAdapter(Data).validate_json("{}")
    assert (data.dataset, data.scale, data.validation_examples) == ("mnist", 255, 10_000)
    assert (data.limits.train, data.limits.valid, data.limits.test) == (None, None, None)


def test_data_instances_do_not_share_limits():
    assert Data().limits is not Data().limits


@pytest.mark.parametrize(
    "keys",
    [
        {"scale": 1},
        {"scale": "255"},
        {"validation_examples": -1},
        {"validation_examples": 1.5},
        {"limits": {"train": 0}},
        {"limits": {"train": True}},
        {"limits": {"training": 5}},
        {"limit": {}},
    ],
)
def test_data_refuses_values_out_of_range(keys):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Data).validate_json(json.dumps(keys))
    assert caught.value.errors()[0]["loc"][0] == next(iter(keys))


def test_every_data_key_is_documented():
    schema = TypeAdapter(Data).json_schema()
    for fields in (
        schema["properties"],
        schema["$defs"]["Limits"]["properties"],
        schema["$defs"]["Labels"]["properties"],
    ):
        assert all(field["description"] for field in fields.values())


@pytest.mark.parametrize(
    ("labels", "at", "message"),
    [
        ({}, ("labels",), "takes one of positive"),
        ({"positive": [0], "pair": [4, 9]}, ("labels",), "takes one of positive"),
        ({"positive": [3, 3]}, ("labels", "positive"), "each label once"),
        ({"pair": [4, 4]}, ("labels", "pair"), "each label once"),
        ({"pair": [4]}, ("labels", "pair"), "at least 2"),
        ({"pair": [4, 5, 6]}, ("labels", "pair"), "at most 2"),
        ({"positive": []}, ("labels", "positive"), "at least 1"),
        ({"positive": [-1]}, ("labels", "positive", 0), "greater than or equal to 0"),
        ({"positive": 0}, ("labels", "positive"), "valid array"),
    ],
)
def test_data_refuses_labels_that_make_no_two_classes(labels, at, message):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Data).validate_json(json.dumps({"labels": labels}))
    assert caught.value.errors()[0]["loc"] == at
    assert message in caught.value.errors()[0]["msg"]
