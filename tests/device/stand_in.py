"""The module that stands in for CuPy: one device, no driver, the arithmetic of NumPy."""

from types import ModuleType
from typing import Any

from tests.device.array import DeviceArray
from tests.device.functions import implementations


class CUDARuntimeError(RuntimeError):
    pass


class _Stream:
    def synchronize(self) -> None:
        DeviceArray.traffic.read("synchronize", explicit=True)


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the stand-in for CuPy has no {self.__name__}.{name}: see tests/device/functions.py")


def module() -> ModuleType:
    """Return a new module `cupy`."""
    cupy = _Module("cupy")
    parts: dict[str, Any] = {
        "ndarray": DeviceArray,
        "cuda.get_current_stream": _Stream,
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
