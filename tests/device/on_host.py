"""CUDA C++ run by the processor: the very source of a kernel, compiled by the C++ compiler for a single thread."""

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mnistnn.backend.cuda import Kernel, options

COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")

# One block of one thread: the loop of a kernel then takes every i.
_PRELUDE = """\
#include <cmath>
#include <cstddef>
using namespace std;
#define __global__
struct Three { unsigned x; };
static const Three blockIdx = {0}, blockDim = {1}, threadIdx = {0}, gridDim = {1};
"""


def build(kernels: Sequence[Kernel], dtype: str, folder: Path) -> ctypes.CDLL:
    """Compile all sources into one library, for arrays of a dtype."""
    assert COMPILER is not None
    text, library = folder / f"{dtype}.cpp", folder / f"{dtype}.so"
    text.write_text(_PRELUDE + "\n".join(kernel.source for kernel in kernels))
    real = [option for option in options(dtype) if option.startswith("-D")]
    # No operation is fused with another, as on the device.
    subprocess.run(
        [COMPILER, "-O1", "-ffp-contract=off", "-shared", "-fPIC", *real, "-o", library, text], check=True, timeout=120
    )
    return ctypes.CDLL(str(library))


class Launcher:
    """Stands for CuPy's RawKernel where arrays are NumPy's: runs what `build` has compiled."""

    def __init__(self, library: ctypes.CDLL, name: str, dtype: str) -> None:
        self._function = getattr(library, name)
        self._real = ctypes.c_float if dtype == "float32" else ctypes.c_double

    def __call__(self, grid: Any, block: Any, arguments: Sequence[Any]) -> None:
        self._function(*map(self._as_c, arguments))

    def _as_c(self, argument: Any) -> Any:
        if isinstance(argument, np.ndarray):
            return ctypes.c_void_p(argument.ctypes.data)
        return self._real(float(argument)) if isinstance(argument, np.floating) else ctypes.c_longlong(int(argument))
