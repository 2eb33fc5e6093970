"""How NumPy describes an array in a pickle, and how to read that without calling what is named there.

An array is pickled as a call of one of two functions, whose result is then given a state. The five global
names involved are tokens here, compared and never resolved; the calls and states are matched against the few
forms that NumPy writes; and an array is a view of the file's bytes, made once their number is what its shape
needs.
"""

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPE_CODES = {"f4", "f8", "i4", "i8"}
_DTYPE_ORDERS = {"<", ">"}
_LATIN1_NAMES = {"latin1", "latin-1"}
_MAX_DIMENSIONS = 3


class MalformedPickleError(Exception):
    """What is wrong at some place of a pickle; the reader of the file adds where."""


class GlobalToken(Enum):
    """A global name that a pickled array mentions."""

    ENCODE = auto()
    RECONSTRUCT = auto()
    FROM_BUFFER = auto()
    NDARRAY = auto()
    DTYPE = auto()


_TOKENS = {
    ("_codecs", "encode"): GlobalToken.ENCODE,
    ("numpy.core.multiarray", "_reconstruct"): GlobalToken.RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): GlobalToken.RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): GlobalToken.FROM_BUFFER,
    ("numpy._core.numeric", "_frombuffer"): GlobalToken.FROM_BUFFER,
    ("numpy", "ndarray"): GlobalToken.NDARRAY,
    ("numpy", "dtype"): GlobalToken.DTYPE,
}


@dataclass(eq=False)
class PickledDtype:
    """A data type under construction: made by a call, given its byte order by a state."""

    code: str
    order: str | None = None


@dataclass(eq=False)
class PickledArray:
    """An array under construction: made by a call, filled by a state. `values` is a read-only view."""

    values: NDArray[Any] | None = None


def global_token(module: object, name: object) -> GlobalToken:
    """Return the token of a global name; MalformedPickleError if arrays do not need it."""
    if not isinstance(module, str) or not isinstance(name, str):
        # Not quoted: written out, nested tuples that share their parts can be larger than any memory.
        raise MalformedPickleError("a global without a name")
    token = _TOKENS.get((module, name))
    if token is None:
        raise MalformedPickleError(f"the name {f'{module}.{name}'[:80]!r} is not allowed")
    return token


def stand_for_call(function: object, arguments: object) -> PickledArray | PickledDtype | str:
    """Return what the call `function(*arguments)` stands for, without calling anything.

    A string is text to be encoded as Latin-1: Python 3 writes bytes that way into protocols 0 to 2.
    """
    match function, arguments:
        case GlobalToken.RECONSTRUCT, (GlobalToken.NDARRAY, (0,), _):
            return PickledArray()
        case GlobalToken.DTYPE, (code, *_) if short_string(code) in _DTYPE_CODES:
            return PickledDtype(short_string(code))
        case GlobalToken.DTYPE, (code, *_):
            raise MalformedPickleError(f"arrays of type {short_string(code)!r} are not read")
        case GlobalToken.ENCODE, (str() as text, encoding) if short_string(encoding) in _LATIN1_NAMES:
            return text
        case GlobalToken.FROM_BUFFER, (memoryview() as data, dtype, shape, ("C" | "F") as order):
            return PickledArray(_view(data, dtype, shape, is_fortran=order == "F"))
    raise MalformedPickleError("a call that is not part of a pickled array")


def set_state(target: object, state: object) -> None:
    """Complete an array or data type with its pickled state."""
    match target, state:
        case PickledDtype(), (_, order, None, None, None, *_) if short_string(order) in _DTYPE_ORDERS:
            target.order = short_string(order)
        case PickledArray(values=None), (1, shape, dtype, is_fortran, memoryview() as data):
            target.values = _view(data, dtype, shape, is_fortran=bool(is_fortran))
        case _:
            raise MalformedPickleError("a state that is not that of a plain array")


def short_string(value: object) -> str:
    """Return a short string, which Python 2 wrote as bytes and Python 3 as text; "" for anything else."""
    if isinstance(value, memoryview) and len(value) <= 16:
        return str(value, "latin-1")
    return value if isinstance(value, str) and len(value) <= 16 else ""


def _view(data: memoryview, dtype: object, shape: object, *, is_fortran: bool) -> NDArray[Any]:
    if not isinstance(dtype, PickledDtype) or dtype.order is None:
        raise MalformedPickleError("an array without a data type")
    if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
        raise MalformedPickleError(f"an array that does not have up to {_MAX_DIMENSIONS} dimensions")
    if not all(type(size) is int and size > 0 for size in shape):
        raise MalformedPickleError("an array with a malformed shape")
    numpy_dtype = np.dtype(dtype.order + dtype.code)
    if math.prod(shape) * numpy_dtype.itemsize != len(data):
        raise MalformedPickleError(f"an array of shape {shape} and type {numpy_dtype} in {len(data)} bytes")
    values: NDArray[Any] = np.frombuffer(data, dtype=numpy_dtype)
    return values.reshape(shape, order="F" if is_fortran else "C")
