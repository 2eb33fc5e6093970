"""CuPy's functions that mnistnn uses, with CuPy's signatures. Any other is an error, whether CuPy has it or not.

A new one needs a line here; `test_signatures.py` compares every line with CuPy where that is installed.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.device.array import DeviceArray, operand, refused_on_tape, wrapped
from tests.device.tape import on_tape

_UFUNC_OF_ONE = "(x, /, out=None, *, casting='same_kind', dtype=None)"
_UFUNC_OF_TWO = "(x1, x2, /, out=None, *, casting='same_kind', dtype=None)"
_LIKE = "dtype=None, order='K', subok=None, shape=None"

UFUNCS = {
    **dict.fromkeys(
        ["abs", "exp", "expm1", "floor", "isfinite", "log", "log1p", "negative", "rint", "sqrt", "tanh"], _UFUNC_OF_ONE
    ),
    **dict.fromkeys(
        ["add", "subtract", "multiply", "divide", "maximum", "minimum", "fmax", "greater", "greater_equal"],
        _UFUNC_OF_TWO,
    ),
    **dict.fromkeys(["less", "equal"], _UFUNC_OF_TWO),
}
FUNCTIONS = {
    "sum": "(a, axis=None, dtype=None, out=None, keepdims=False)",
    "mean": "(a, axis=None, dtype=None, out=None, keepdims=False)",
    "max": "(a, axis=None, out=None, keepdims=False)",
    "cumsum": "(a, axis=None, dtype=None, out=None)",
    "clip": "(a, a_min, a_max, out=None)",
    "take": "(a, indices, axis=None, out=None)",
    "partition": "(a, kth, axis=-1)",
    "flatnonzero": "(a)",
    "where": "(condition, x=None, y=None)",
    "stack": "(tup, axis=0, out=None, *, dtype=None, casting='same_kind')",
    "zeros": "(shape, dtype=float, order='C')",
    "empty": "(shape, dtype=float, order='C')",
    "empty_like": f"(prototype, {_LIKE})",
    "full_like": f"(a, fill_value, {_LIKE})",
    "arange": "(start, stop=None, step=1, dtype=None)",
    "array": "(obj, dtype=None, copy=True, order='K', subok=False, ndmin=0, *, blocking=False)",
    "asarray": "(a, dtype=None, order=None, *, copy=None, blocking=False)",
    "asnumpy": "(a, stream=None, order='C', out=None, *, blocking=True)",
    "linalg.norm": "(x, ord=None, axis=None, keepdims=False)",
    "lib.stride_tricks.as_strided": "(x, shape=None, strides=None)",
}
# CuPy's matmul takes *args and many keywords; these are the ones that both libraries have in one place.
MATMUL = "(x1, x2, /, out=None)"


def signature_of(text: str) -> inspect.Signature:
    """Return the signature that a text says."""
    namespace: dict[str, Any] = {}
    exec(f"def function{text}: pass", {"float": float}, namespace)  # a line of the table above
    return inspect.signature(namespace["function"])


def _through_numpy(compute: Callable[..., Any], text: str) -> Callable[..., Any]:
    """Return a function of arrays on the device that takes what its signature says, and computes with NumPy."""
    signature = signature_of(text)

    def function(*arguments: Any, **keywords: Any) -> Any:
        bound = signature.bind(*arguments, **keywords)
        given = {name: value for name, value in bound.arguments.items() if value is not None}
        names = [name for name, p in signature.parameters.items() if p.default is p.empty]
        out = given.get("out")
        if out is not None and not isinstance(out, DeviceArray):
            raise TypeError("return arrays must be arrays on the device")
        others = {name: value for name, value in given.items() if name not in names and name != "out"}
        if out is not None:
            others["out"] = out.on_device
        result = compute(*(operand(given[name]) for name in names), **others)
        return out if out is not None else wrapped(result)

    return function


def _uploaded(obj: Any, dtype: Any, order: Any = "K") -> DeviceArray:
    if isinstance(obj, DeviceArray):
        raise TypeError("not an array of the host")
    assert DeviceArray.traffic.tape is None, "memory of the host is read when a recording is launched, not now"
    DeviceArray.traffic.uploads += 1
    return DeviceArray(np.array(obj, dtype=dtype, order=order))


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False) -> DeviceArray:
    if isinstance(obj, DeviceArray):
        return DeviceArray(np.array(obj.on_device, dtype=dtype, copy=copy or None, order=order))
    return _uploaded(obj, dtype, order)


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False) -> DeviceArray:
    if isinstance(a, DeviceArray):
        return a if dtype is None or a.dtype == dtype else a.astype(dtype)
    return _uploaded(a, dtype)


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True) -> np.ndarray:
    return a.get(order=order) if isinstance(a, DeviceArray) else np.asarray(a)


def empty(shape, dtype=float, order="C") -> DeviceArray:
    """Memory that holds what nobody should read."""
    fresh = np.empty(shape, dtype=dtype, order=order)
    fresh.fill(np.nan if fresh.dtype.kind == "f" else fresh.dtype.type(-1) if fresh.dtype.kind == "i" else 1)
    return DeviceArray(fresh)


def empty_like(prototype, dtype=None, order="K", subok=None, shape=None) -> DeviceArray:
    return empty(prototype.shape if shape is None else shape, dtype=prototype.dtype if dtype is None else dtype)


def zeros(shape, dtype=float, order="C") -> DeviceArray:
    return DeviceArray(np.zeros(shape, dtype=dtype, order=order))


def stack(tup, axis=0, out=None, *, dtype=None, casting="same_kind") -> DeviceArray:
    return wrapped(np.stack([operand(each) for each in tup], axis=axis))


def where(condition, x=None, y=None) -> DeviceArray:
    return wrapped(np.where(operand(condition), operand(x), operand(y)))


def take(a, indices, axis=None, out=None) -> DeviceArray:
    return wrapped(a.take(indices, axis, out).on_device)


def flatnonzero(a) -> DeviceArray:
    DeviceArray.traffic.read("counting what a mask selects")
    return wrapped(np.flatnonzero(operand(a)))


def as_strided(x, shape=None, strides=None) -> DeviceArray:
    return DeviceArray(np.lib.stride_tricks.as_strided(x.on_device, shape, strides))


_OWN: dict[str, Callable[..., Any]] = {
    "array": array,
    "asarray": asarray,
    "asnumpy": asnumpy,
    "empty": empty,
    "empty_like": empty_like,
    "zeros": zeros,
    "stack": stack,
    "where": where,
    "take": take,
    "flatnonzero": flatnonzero,
    "lib.stride_tricks.as_strided": as_strided,
}


# They give memory or a view of it, or are not for recording.
_NOT_RECORDED = ("array", "asarray", "asnumpy", "empty", "empty_like", "lib.stride_tricks.as_strided")


def implementations() -> dict[str, Callable[..., Any]]:
    """Return every function by its dotted name below cupy."""
    table = {**UFUNCS, **FUNCTIONS, "matmul": MATMUL}
    made = {name: _OWN.get(name) or _through_numpy(_of_numpy(name), text) for name, text in table.items()}
    recorded = {name: function if name in _NOT_RECORDED else on_tape(function) for name, function in made.items()}
    return {**recorded, "matmul": refused_on_tape(made["matmul"])}


def _of_numpy(name: str) -> Callable[..., Any]:
    found: Any = np
    for part in name.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = found
    return function
