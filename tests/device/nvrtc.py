"""NVRTC, the compiler of CUDA C++, without CuPy and without a GPU: the library of the wheel, called through ctypes."""

import ctypes
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path


@cache
def library() -> ctypes.CDLL | None:
    """Return NVRTC as the wheel nvidia-cuda-nvrtc-cu12 brings it; None if it is not installed."""
    try:
        found = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        return None
    folders = found.submodule_search_locations if found is not None else None
    paths = [path for folder in folders or () for path in Path(folder, "lib").glob("libnvrtc.so.*")]
    return ctypes.CDLL(str(paths[0])) if paths else None


def compiled(nvrtc: ctypes.CDLL, source: str, options: Sequence[str]) -> tuple[bool, str, str]:
    """Return whether a source compiles, what the compiler says about it, and the assembly (PTX)."""
    program = ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
    given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    failed = nvrtc.nvrtcCompileProgram(program, len(options), given)
    log = _text(nvrtc, "ProgramLog", program)
    assembly = "" if failed else _text(nvrtc, "PTX", program)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return not failed, log, assembly


def _text(nvrtc: ctypes.CDLL, what: str, program: ctypes.c_void_p) -> str:
    size = ctypes.c_size_t()
    getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    getattr(nvrtc, f"nvrtcGet{what}")(program, text)
    return text.value.decode()
