"""NumPy or CuPy: the backend follows the array.

There is no global device. Code that computes asks `array_module(x)` and calls what both libraries share; the few
things that they do differently are functions here. This is the only module that imports CuPy, and only on request.
"""

import hashlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Literal

import numpy as np

from mnistnn.errors import ResourceError
from mnistnn.types import Array

Device = Literal["cpu", "cuda"]

# CuPy is published under a name for each CUDA.
CUPY_PACKAGES = ("cupy-cuda12x", "cupy-cuda13x")


def array_module(x: Array) -> Any:
    """Return the library that `x` belongs to: numpy or cupy."""
    if isinstance(x, np.ndarray):
        return np
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy
    raise TypeError(f"expected a NumPy or CuPy array, got {type(x).__name__}")


def module_for(device: Device) -> ModuleType:
    """Return the array library of a device. Raises ResourceError, saying what to do, when it cannot be used."""
    if device == "cpu":
        return np
    try:
        import cupy
    except ImportError as error:
        raise ResourceError("device cuda needs CuPy: pip install 'mnistnn[cuda]' (or run with --device cpu)") from error
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ResourceError(f"device cuda: no usable GPU ({error}); run with --device cpu") from error
    module: ModuleType = cupy
    return module


def to_host(x: Array) -> np.ndarray:
    """Return `x` as a NumPy array: itself if it is one, else a copy that has arrived when this returns."""
    if isinstance(x, np.ndarray):
        return x
    host: np.ndarray = array_module(x).asnumpy(x)
    return host


def sha256_of(arrays: Mapping[str, Array]) -> bytes:
    """Return the SHA-256 (32 bytes) of arrays by name, in whatever order and place they are."""
    sha256 = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        sha256.update(name.encode() + to_host(array).tobytes())
    return sha256.digest()


def synchronize(x: Array) -> None:
    """Wait until everything queued on the device of `x` is done; nothing to do for NumPy."""
    xp = array_module(x)
    if xp is not np:
        xp.cuda.get_current_stream().synchronize()


def take_rows(x: Array, rows: Array, out: Array) -> Array:
    """Write x[rows] into `out` and return it. x (N, ...), rows (n,) integers within range, out (n, ...).

    NumPy copies through a hidden buffer unless it is told how to treat indices out of range.
    """
    if isinstance(x, np.ndarray):
        return x.take(rows, axis=0, out=out, mode="clip")
    return array_module(x).take(x, rows, axis=0, out=out)


def mean(x: Array) -> Array:
    """Return the mean of x (n,), a scalar where x is. NumPy's own takes three times as long for so few numbers."""
    return x.sum() / len(x) if isinstance(x, np.ndarray) else x.mean()


def device_name(device: Device) -> str | None:
    """Return the name of the GPU that `cuda` means; None for the processor."""
    if device == "cpu":
        return None
    name: bytes = module_for(device).cuda.runtime.getDeviceProperties(0)["name"]
    return name.decode()
