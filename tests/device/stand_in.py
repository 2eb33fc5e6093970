"""The module that stands in for CuPy: one device, no driver, the arithmetic of NumPy."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from mnistnn.backend import cuda
from mnistnn.backend.cuda import in_one_order
from tests.device.array import DeviceArray, Place
from tests.device.emulation import EMULATIONS
from tests.device.functions import implementations
from tests.device.reads import CUDARuntimeError
from tests.device.tape import Stream, on_tape


class MemoryPool:
    def malloc(self, size: int) -> None:
        raise AssertionError("arrays of the stand-in take memory by themselves")


@contextmanager
def using_allocator(allocator) -> Iterator[None]:
    yield


class RawKernel:
    """A kernel of ours: what it is launched with is held against what its source declares; NumPy does its work."""

    def __init__(self, code, name, options=(), backend="nvrtc", translate_cucomplex=False) -> None:
        declared = re.search(rf'extern "C" __global__ void {name}\((.*?)\)', code)
        assert declared is not None, f"the source has no kernel {name}"
        self.name, self.parameters = name, [text.strip() for text in declared[1].split(",")]
        (real,) = (text.removeprefix("-DReal=") for text in options if text.startswith("-DReal="))
        self.real = np.dtype({"float": "float32", "double": "float64"}[real])

    @on_tape
    def _run(self, *args) -> None:
        DeviceArray.traffic.kernels.append(self.name)
        EMULATIONS[self.name](*(each.on_device if isinstance(each, DeviceArray) else each for each in args[1:]))

    def __call__(self, grid, block, args) -> None:
        assert all(0 < size < 2**31 for size in grid), grid
        assert 0 < block[0] <= 1024
        assert len(args) == len(self.parameters), f"{self.name} takes {self.parameters}"
        for parameter, given in zip(self.parameters, args, strict=True):
            self._check(parameter, given)
        if self.name != cuda.WRITE.name:  # which is there to be launched anew
            DeviceArray.traffic.numbers += [float(each) for each in args if isinstance(each, np.number)]
        self._run(*args)

    def _check(self, parameter: str, given: Any) -> None:
        kind = parameter.removeprefix("const ").rpartition(" ")[0]
        dtype = {"Real": self.real, "double": np.dtype("float64")}.get(kind.rstrip("*"), np.dtype("int64"))
        is_right = isinstance(given, DeviceArray) if kind.endswith("*") else isinstance(given, np.number)
        assert is_right, f"{self.name}: {parameter} is given as {type(given).__name__}"
        assert not isinstance(given, DeviceArray) or in_one_order(given), f"{self.name}: {parameter} has gaps"
        assert given.dtype == dtype, f"{self.name}: {parameter} is given as {given.dtype}"


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the stand-in for CuPy has no {self.__name__}.{name}: see tests/device/functions.py")


def module() -> ModuleType:
    """Return a new module `cupy`."""
    cupy = _Module("cupy")
    parts: dict[str, Any] = {
        "ndarray": DeviceArray,
        "RawKernel": RawKernel,
        "cuda.Stream": Stream,
        "cuda.get_current_stream": Stream,
        "cuda.MemoryPool": MemoryPool,
        "cuda.using_allocator": using_allocator,
        "cuda.alloc": lambda size: Place(0),
        "cuda.runtime.getDeviceCount": lambda: 1,
        "cuda.runtime.getDeviceProperties": lambda number: {"name": b"stand-in"},
        "cuda.runtime.CUDARuntimeError": CUDARuntimeError,
    }
    for name, value in {**implementations(), **parts}.items():
        *path, last = name.split(".")
        owner: Any = cupy
        for place in path:
            if place not in vars(owner):
                setattr(owner, place, _Module(f"{owner.__name__}.{place}"))
            owner = vars(owner)[place]
        setattr(owner, last, value)
    return cupy
