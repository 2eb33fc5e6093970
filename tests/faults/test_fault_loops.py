"""The promises of a run directory and of the cache, with every call to the disk failing in turn.

The short loops fail each call in one way, in turn; `make torture` fails each call of longer ones in every way.
"""

import pytest

from tests.faults.trials import fault_loop


def test_short_training_whose_disk_fails_at_any_call_loses_nothing(short_train, tmp_path):
    assert fault_loop(short_train, tmp_path / "trials", in_turn=True).trials > 80


@pytest.mark.parametrize(
    "kind", ["whitened", "pretrained", "members", "carried", "refit", "evaluation", "data", "generated"]
)
def test_command_whose_disk_fails_at_some_calls_loses_nothing(kind, request, tmp_path):
    scenario = request.getfixturevalue(kind)
    every = {"whitened": 5, "carried": 5, "refit": 5, "generated": 5, "pretrained": 9, "members": 23}.get(kind, 1)
    assert fault_loop(scenario, tmp_path / "trials", every=every, in_turn=True).trials >= 8


@pytest.mark.torture
@pytest.mark.parametrize(
    "kind", ["train", "whitened", "pretrained", "members", "carried", "refit", "evaluation", "data", "generated"]
)
def test_command_whose_disk_fails_at_any_call_in_any_way_loses_nothing(kind, request, tmp_path, record_property):
    tally = fault_loop(request.getfixturevalue(kind), tmp_path / "trials")
    record_property("counts", str(tally))
    assert tally.trials > 100
