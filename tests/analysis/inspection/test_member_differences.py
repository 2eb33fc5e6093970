"""What sets the members of a committee apart."""

from mnistnn.analysis.inspection.member_differences import differences_of

BARE = {"name": "net", "seed": 2, "model": {"type": "sequential", "layers": {}}}


def net(seed, units=10, **others):
    model = {"type": "sequential", "layers": {"hidden": {"units": units}}}
    return {"name": "net", "seed": seed, "model": model, **others}


def machine(cost):
    return {"name": "machine", "seed": 9, "model": {"type": "svm", "C": cost}}


def test_keys_that_differ_are_said_by_their_short_names():
    first, second = differences_of([net(0, 10, rate=0.1, same=1), net(1, 20, rate=0.2, same=1)])
    assert first.values == {"model.layers.hidden.units": 10, "rate": 0.1}
    assert (first.said, second.said) == ("units 10, rate 0.1", "units 20, rate 0.2")


def test_seeds_are_said_first_where_members_differ_in_nothing_else():
    assert [each.said for each in differences_of([net(3), net(4)])] == ["seed 3", "seed 4"]
    three = [net(0, 10), net(1, 20), net(2, 10)]
    assert [each.said for each in differences_of(three)] == ["seed 0, units 10", "seed 1, units 20", "seed 2, units 10"]


def test_name_alone_may_set_members_apart():
    assert [each.said for each in differences_of([net(0), {**net(1), "name": "other"}])] == ["", ""]


def test_part_that_a_member_lacks_is_said_once():
    with_part, without = differences_of([net(0), BARE])
    assert without.said == "no hidden"
    assert without.values == {}
    assert with_part.values == {"model.layers.hidden": {"units": 10}}
    three = differences_of([net(0, 10), net(1, 20), BARE])
    assert [each.said for each in three] == ["units 10", "units 20", "no hidden"]


def test_members_are_compared_with_those_of_the_same_type():
    found = differences_of([net(0, 10), machine(1), net(1, 20), machine(5)])
    assert [each.said for each in found] == [
        "type sequential, units 10",
        "type svm, C 1",
        "type sequential, units 20",
        "type svm, C 5",
    ]
    assert found[1].values == {"model.type": "svm", "model.C": 1}
    assert [each.said for each in differences_of([net(0), machine(1)])] == ["type sequential", "type svm"]


def test_of_many_keys_the_first_are_said():
    many = [{f"key{place}": value for place in range(6)} for value in (1, 2)]
    first, _ = differences_of([net(0, **many[0]), net(0, **many[1])])
    assert first.said == "key0 1, key1 1, key2 1, key3 1, …"
    assert len(first.values) == 6


def test_single_member_differs_from_nobody():
    assert [each.said for each in differences_of([net(0)])] == [""]
