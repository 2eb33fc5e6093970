"""Errors of one's own code in a worker: they are told with file and line, also where they cannot be sent."""

from pathlib import Path

import pytest

from tests.plugins.conftest import MAXOUT

LOCAL = """\
        class E(Exception):
            pass

        raise E("mine")
"""
BUILT_IN = '        raise ValueError("mine")\n'


@pytest.mark.parametrize(("raised", "name"), [(LOCAL, "E"), (BUILT_IN, "ValueError")])
def test_error_in_a_worker_is_told_with_its_place(toy, command, raised, name):
    begin = "    def forward(self, x: Array, train: bool) -> Array:\n"
    Path("boom.py").write_text(MAXOUT.replace(begin, begin + raised))
    given = ["model.layers.hidden={type: maxout, units: 6}", "--code", "boom.py"]
    done = command("train", "toy.yaml", *given, "--no-check", "--seeds", "0..1")
    assert done.code != 0
    done = command(
        "sweep", "run", "toy.yaml", "optimizer.learning_rate=0.1,0.2", *given, "--workers", "2", "--study", "s"
    )
    assert done.code == 8
    assert f": {name}: mine" in done.out + done.err
    assert "boom.py:" in done.out + done.err
    assert "Pickl" not in done.out + done.err
