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
    for fields in (schema["properties"], schema["$defs"]["Limits"]["properties"]):
        assert all(field["description"] for field in fields.values())
