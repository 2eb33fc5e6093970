"""The stand-in for CuPy in CuPy's place."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from mnistnn.backend import matmul
from mnistnn.backend.arrays import to_host
from mnistnn.experiment.plan import Plan
from mnistnn.runner import own_code
from mnistnn.runner.checkpointing import RunCheckpointing
from tests.device import stand_in
from tests.device.array import DeviceArray
from tests.device.blas import Blas
from tests.device.reads import Traffic
from tests.device.watched import WatchedBatches
from tests.test_gpu import NET


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
    monkeypatch.setattr(matmul, "library", lambda xp: Blas())
    return module


@pytest.fixture
def device(cupy, traffic, monkeypatch):
    """Put the stand-in in place for whole runs, which read where they may: between epochs and to save.

    What the host asks for between epochs is a run's own business; inside an epoch only a commit may read.
    """
    make, commit = Plan.training, RunCheckpointing.commit

    def training(self):
        made = make(self)
        if self.experiment.backend.device == "cuda":
            made.batches = WatchedBatches(made.batches, traffic)
        return made

    def free_to_read(self, t):
        with traffic.under("any"):
            commit(self, t)

    def to_host_before_training(array):
        with traffic.under("any"):
            return to_host(array)

    monkeypatch.setattr(Plan, "training", training)
    monkeypatch.setattr(own_code, "to_host", to_host_before_training)
    monkeypatch.setattr(RunCheckpointing, "commit", free_to_read)
    with traffic.under("any"):
        yield traffic


@pytest.fixture
def conv(toy) -> Path:
    path: Path = toy.with_name("net.yaml")
    path.write_text(NET)
    return path
