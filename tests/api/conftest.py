"""Experiments and runs as a Python program has them."""

from pathlib import Path

import pytest

import mnistnn

LINES = """\
name: lines
data: {dataset: bars-and-stripes}
model:
  type: sequential
  layers:
    output: {type: dense, units: 2, init: {type: zeros}}
batches: {size: 100}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 2}]
"""


@pytest.fixture
def lines(toy: Path) -> Path:
    """The path of an experiment on bars and stripes, in the working folder."""
    path = toy.with_name("lines.yaml")
    path.write_text(LINES)
    return path


@pytest.fixture
def run(toy: Path) -> mnistnn.Run:
    """A finished run of the toy experiment, in the folder `run`."""
    return mnistnn.train(toy, run_dir="run", quiet=True)
