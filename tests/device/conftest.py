"""The stand-in for CuPy in CuPy's place."""

import sys
from types import ModuleType

import pytest

from tests.device import stand_in
from tests.device.array import DeviceArray
from tests.device.reads import Traffic


@pytest.fixture
def traffic(monkeypatch) -> Traffic:
    """What passes between host and device during a test."""
    fresh = Traffic()
    monkeypatch.setattr(DeviceArray, "traffic", fresh)
    return fresh


@pytest.fixture
def cupy(monkeypatch, traffic) -> ModuleType:
    """The stand-in, installed as CuPy."""
    module = stand_in.module()
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module
