"""Components of one's own, one of each kind, go all the way that those of mnistnn go."""

import pytest

from tests.plugins.conftest import CODE


@pytest.mark.parametrize("name", CODE)
def test_component_is_trained_and_asked_without_naming_its_code_again(own, command, name):
    done = command("train", *own(name), "--run-dir", "run")
    assert done.code == 0, done.err
    for arguments in (["eval", "run"], ["verify", "run"], ["compare", "run"], ["report", "run"], ["resume", "run"]):
        done = command(*arguments)
        assert done.code == 0, done.err
