"""Exports of toy runs."""

from pathlib import Path

import pytest

from mnistnn.analysis.export.export import Wish, export


@pytest.fixture
def toy_conv(toy, toy_text):
    """The toy experiment with another model: what layers of images leave in the order of their memory is flattened."""
    head, rest = toy_text.split("    hidden:")
    _, tail = rest.split("loss:")
    layers = """\
    conv: {type: conv, maps: 3, kernel: 3, pool: 2}
    norm: {type: batch_norm}
    f: {type: activation, activation: relu}
    drop: {type: dropout}
    output: {type: dense, units: 4}
"""
    toy.write_text(f"{head}{layers}loss:{tail}")
    return toy


@pytest.fixture
def exported():
    """Export a run, or several, and return what was written."""

    def write(to, *runs, **wish):
        return export(runs or ["run"], Path("runs"), Wish(to, **wish), lambda text: None)

    return write
