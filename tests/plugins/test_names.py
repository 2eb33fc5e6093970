"""The names that `mnistnn.plugins` exports, what importing it costs, and the example that it begins with."""

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import mnistnn.plugins

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", mnistnn.plugins.__all__)
def test_name_is_there_and_listed(name):
    assert getattr(mnistnn.plugins, name) is not None
    assert name in dir(mnistnn.plugins)


def test_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'mnistnn\.plugins' has no attribute 'lair'"):
        _ = mnistnn.plugins.lair  # type: ignore[attr-defined]


def test_import_loads_nothing_heavy():
    program = "import mnistnn, json, sys; mnistnn.plugins.__all__; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = set(json.loads(done.stdout))
    assert "mnistnn.plugins" in loaded
    assert not loaded & {"numpy", "pydantic", "mnistnn.layers"}


def test_example_of_the_documentation_is_a_layer(toy, command):
    text = (mnistnn.plugins.__doc__ or "").partition("\n    from typing")[2].partition("\n`mnistnn train")[0]
    Path("scaled.py").write_text(dedent("    from typing" + text))
    Path("mine.yaml").write_text(
        "extends: toy.yaml\nmodel: {layers: {scaled: {type: scaled, factor: 3, before: hidden}}}\n"
    )
    done = command("train", "mine.yaml", "--code", "scaled.py", "-q")
    assert done.code == 0, done.err
    assert command("config", "check", "mine.yaml", "--code", "scaled.py").code == 0
