import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mnistnn.backend import arrays
from mnistnn.errors import ResourceError


class DeviceArray:
    """Stands for an array of CuPy."""

    def __init__(self, values):
        self.values = values


class FakeRuntimeError(Exception):
    pass


@pytest.fixture
def cupy(monkeypatch) -> ModuleType:
    """What mnistnn uses of CuPy, with one device, in its place."""
    module, cuda, runtime = ModuleType("cupy"), ModuleType("cupy.cuda"), ModuleType("cupy.cuda.runtime")
    parts: dict[ModuleType, dict[str, Any]] = {
        module: {"ndarray": DeviceArray, "asnumpy": lambda x: np.array(x.values), "cuda": cuda},
        cuda: {"runtime": runtime},
        runtime: {
            "getDeviceCount": lambda: 1,
            "CUDARuntimeError": FakeRuntimeError,
            "getDeviceProperties": lambda number: {"name": b"Some GPU"},
        },
    }
    for owner, attributes in parts.items():
        for name, value in attributes.items():
            monkeypatch.setattr(owner, name, value, raising=False)
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


@pytest.fixture
def no_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # importing it fails


def test_array_module_of_a_numpy_array_is_numpy():
    assert arrays.array_module(np.zeros(3)) is np


def test_array_module_of_a_cupy_array_is_cupy(cupy):
    assert arrays.array_module(DeviceArray([1])) is cupy


@pytest.mark.parametrize("thing", [[1.0], 1.0, None])
def test_array_module_refuses_what_is_no_array(no_cupy, thing):
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array, got"):
        arrays.array_module(thing)


def test_module_for_the_processor_is_numpy():
    assert arrays.module_for("cpu") is np


def test_module_for_a_usable_gpu_is_cupy(cupy):
    assert arrays.module_for("cuda") is cupy


def test_module_for_cuda_without_cupy_says_what_to_install(no_cupy):
    with pytest.raises(ResourceError, match=r"pip install 'mnistnn\[cuda\]'"):
        arrays.module_for("cuda")


def test_module_for_cuda_without_a_gpu_says_why(cupy, monkeypatch):
    def fail():
        raise FakeRuntimeError("no CUDA-capable device is detected")

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", fail)
    with pytest.raises(ResourceError, match=r"no CUDA-capable device is detected.*--device cpu"):
        arrays.module_for("cuda")


def test_to_host_returns_a_numpy_array_itself():
    x = np.zeros(3)
    assert arrays.to_host(x) is x


def test_to_host_copies_from_a_device(cupy):
    assert arrays.to_host(DeviceArray([1, 2])).tolist() == [1, 2]


def test_synchronize_has_nothing_to_do_for_numpy():
    arrays.synchronize(np.zeros(3))


@pytest.mark.parametrize("shape", [(5,), (5, 2, 3)])
def test_take_rows_writes_the_rows_into_out(shape):
    x = np.random.default_rng(0).normal(size=shape)
    rows, out = np.array([4, 0, 0]), np.full((3, *shape[1:]), np.nan)
    assert arrays.take_rows(x, rows, out) is out
    assert np.array_equal(out, x[[4, 0, 0]])


def test_device_name_of_the_processor_is_none():
    assert arrays.device_name("cpu") is None


def test_device_name_of_a_gpu_is_what_the_driver_calls_it(cupy):
    assert arrays.device_name("cuda") == "Some GPU"
