"""An array that behaves as CuPy's where CuPy's differs from NumPy's, and keeps its numbers in NumPy's memory.

It mixes with its kind and with numbers only, never with arrays of NumPy, and does not become one unasked. It is
stricter than CuPy where CuPy would be wrong without a word or is undefined: NumPy's functions do not take it, indices
out of range are errors, and so is writing to the same place twice. What it lacks mnistnn does not use: add it here with
CuPy's signature, which `test_signatures.py` compares with the real one.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.device.reads import Traffic
from tests.device.tape import on_tape

_NUMBERS = (bool, int, float, np.number, np.bool_)


class Flags:
    """The flags that CuPy has."""

    def __init__(self, of: np.ndarray) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata = (
            of.flags.c_contiguous,
            of.flags.f_contiguous,
            of.base is None,
        )


class Place:
    """Where an array begins."""

    def __init__(self, ptr: int) -> None:
        self.ptr = ptr


class DeviceArray:
    traffic = Traffic()

    __array_ufunc__ = None  # NumPy's operators leave it to those here, and its functions refuse
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, values: np.ndarray) -> None:
        self.on_device = values

    def __array__(self, *arguments: Any, **keywords: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_function__(self, function: Callable[..., Any], *others: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} of an array on the device")

    # What is known without asking the device.
    @property
    def shape(self) -> tuple[int, ...]:
        return self.on_device.shape

    @property
    def dtype(self) -> np.dtype:
        return self.on_device.dtype

    @property
    def strides(self) -> tuple[int, ...]:
        return self.on_device.strides

    @property
    def flags(self) -> Flags:
        return Flags(self.on_device)

    @property
    def size(self) -> int:
        return self.on_device.size

    @property
    def ndim(self) -> int:
        return self.on_device.ndim

    @property
    def nbytes(self) -> int:
        return self.on_device.nbytes

    @property
    def itemsize(self) -> int:
        return self.on_device.itemsize

    def __len__(self) -> int:
        return len(self.on_device)

    def __repr__(self) -> str:
        return f"<{self.dtype} {self.shape} on the device>"

    @property
    def data(self) -> "Place":
        return Place(self.on_device.ctypes.data)

    # What waits for the device.
    def get(self, stream=None, order="C", out=None, blocking=True) -> np.ndarray:
        self.traffic.read("get", explicit=True)
        return np.array(self.on_device, order=order)

    def item(self) -> Any:
        self.traffic.read("item")
        return self.on_device.item()

    def tolist(self) -> Any:
        self.traffic.read("tolist")
        return self.on_device.tolist()

    def __float__(self) -> float:
        self.traffic.read("float")
        return float(self.on_device)

    def __int__(self) -> int:
        self.traffic.read("int")
        return int(self.on_device)

    def __bool__(self) -> bool:
        self.traffic.read("bool")
        return bool(self.on_device)

    def __str__(self) -> str:
        self.traffic.read("str")
        return str(self.on_device)

    def __format__(self, how: str) -> str:
        self.traffic.read("format")
        return format(self.on_device.item(), how)

    # What moves no number.
    @property
    def T(self) -> "DeviceArray":
        return DeviceArray(self.on_device.T)

    def reshape(self, *shape, order="C", copy=None) -> "DeviceArray":
        return DeviceArray(self.on_device.reshape(*shape, order=order))

    def transpose(self, *axes) -> "DeviceArray":
        return DeviceArray(self.on_device.transpose(*axes))

    def __iter__(self) -> Iterator["DeviceArray"]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> "DeviceArray":
        return wrapped(self.on_device[self._index(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        places, values = self._index(index, written=True), operand(value)
        if not np.can_cast(getattr(values, "dtype", type(values)), self.dtype, "unsafe"):
            raise TypeError(f"cannot write {values!r} into {self!r}")
        self.on_device[places] = values

    def _index(self, index: Any, written: bool = False) -> Any:
        """Return an index for the array of NumPy. With an ellipsis it gives a view of one number, as in CuPy."""
        parts = index if isinstance(index, tuple) else (index,)
        found = [self._part(part, written) for part in parts]
        has_ellipsis = any(part is Ellipsis for part in found)
        return tuple(found if has_ellipsis else [*found, Ellipsis])

    def _part(self, part: Any, written: bool) -> Any:
        if isinstance(part, np.ndarray | list):
            raise TypeError(f"an array on the device is indexed by {type(part).__name__}")
        if not isinstance(part, DeviceArray):
            return part
        places = part.on_device
        if places.dtype == bool and not written:
            self.traffic.read("counting what a mask selects")
        if written and places.dtype != bool and np.unique(places).size != places.size:
            raise AssertionError("writes to one place twice: which number stays is undefined on a device")
        return places

    # What computes.
    def copy(self, order="C") -> "DeviceArray":
        return DeviceArray(self.on_device.copy(order))

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True) -> "DeviceArray":
        return DeviceArray(self.on_device.astype(dtype, order=order, copy=copy))

    def fill(self, value) -> None:
        self.on_device.fill(operand(value))

    def set(self, arr, stream=None) -> None:
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype or arr.shape != self.shape:
            raise ValueError(f"set {arr.dtype} {arr.shape} into {self!r}")
        if not (self.flags.c_contiguous or self.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        assert self.traffic.tape is None, "memory of the host is read when a recording is launched, not now"
        self.traffic.uploads += 1
        self.on_device[...] = arr

    def sum(self, axis=None, dtype=None, out=None, keepdims=False) -> "DeviceArray":
        return wrapped(self.on_device.sum(axis, dtype, operand(out), keepdims=keepdims))

    def mean(self, axis=None, dtype=None, out=None, keepdims=False) -> "DeviceArray":
        return wrapped(self.on_device.mean(axis, dtype, operand(out), keepdims=keepdims))

    def var(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False) -> "DeviceArray":
        return wrapped(self.on_device.var(axis, dtype, operand(out), ddof, keepdims=keepdims))

    def max(self, axis=None, out=None, keepdims=False) -> "DeviceArray":
        return wrapped(self.on_device.max(axis, operand(out), keepdims=keepdims))

    def min(self, axis=None, out=None, keepdims=False) -> "DeviceArray":
        return wrapped(self.on_device.min(axis, operand(out), keepdims=keepdims))

    def argmax(self, axis=None, out=None, dtype=None, keepdims=False) -> "DeviceArray":
        return wrapped(self.on_device.argmax(axis, operand(out), keepdims=keepdims))

    def any(self, axis=None, out=None, keepdims=False) -> "DeviceArray":
        return wrapped(self.on_device.any(axis, out=operand(out), keepdims=keepdims))

    def all(self, axis=None, out=None, keepdims=False) -> "DeviceArray":
        return wrapped(self.on_device.all(axis, out=operand(out), keepdims=keepdims))

    def clip(self, min=None, max=None, out=None) -> "DeviceArray":  # noqa: A002
        return wrapped(self.on_device.clip(operand(min), operand(max), operand(out)))

    def take(self, indices, axis=None, out=None) -> "DeviceArray":
        if not isinstance(indices, DeviceArray):
            raise TypeError(f"rows of an array on the device are taken by {type(indices).__name__}")
        return wrapped(self.on_device.take(indices.on_device, axis, operand(out)))

    def __neg__(self) -> "DeviceArray":
        return wrapped(-self.on_device)

    def __abs__(self) -> "DeviceArray":
        return wrapped(abs(self.on_device))

    def __invert__(self) -> "DeviceArray":
        return wrapped(~self.on_device)


def operand(x: Any) -> Any:
    """Return what NumPy is to compute with for an operand. Raises TypeError, as CuPy, for what is not on the device."""
    if isinstance(x, DeviceArray):
        return x.on_device
    if x is None:
        return x
    if isinstance(x, _NUMBERS):
        DeviceArray.traffic.numbers.append(float(x))
        return x
    raise TypeError(f"Unsupported type {type(x)}")


def wrapped(result: Any) -> DeviceArray:
    """Return a result of NumPy as it would lie on the device: numbers are arrays there, too."""
    return DeviceArray(result if isinstance(result, np.ndarray) else np.asarray(result))


def refused_on_tape(product: Callable[..., Any]) -> Callable[..., Any]:
    """Let a product of CuPy be refused while a graph is recorded, as CuPy does."""

    def either(*arguments: Any, **keywords: Any) -> Any:
        if DeviceArray.traffic.tape is not None:
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
        return product(*arguments, **keywords)

    return either


def _between(compute: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: DeviceArray, other: Any) -> DeviceArray:
        return wrapped(compute(self.on_device, operand(other)))

    def reflected(self: DeviceArray, other: Any) -> DeviceArray:
        return wrapped(compute(operand(other), self.on_device))

    return forward, reflected


def _in_place(compute: np.ufunc) -> Callable[..., Any]:
    def assign(self: DeviceArray, other: Any) -> DeviceArray:
        compute(self.on_device, operand(other), out=self.on_device)
        return self

    return assign


_ARITHMETIC = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "matmul": np.matmul,
}
for _name, _ufunc in _ARITHMETIC.items():
    _forward, _reflected = _between(_ufunc)
    setattr(DeviceArray, f"__{_name}__", _forward)
    setattr(DeviceArray, f"__r{_name}__", _reflected)
    setattr(DeviceArray, f"__i{_name}__", _in_place(_ufunc))
for _name in ("matmul", "rmatmul", "imatmul"):
    setattr(DeviceArray, f"__{_name}__", refused_on_tape(getattr(DeviceArray, f"__{_name}__")))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(DeviceArray, f"__{_name}__", _between(getattr(operator, _name))[0])

for _name in (
    *("copy", "astype", "fill", "sum", "mean", "var", "max", "min", "argmax", "any", "all", "clip", "take"),
    *(f"__{name}__" for name in ("neg", "abs", "invert", "getitem", "setitem", "eq", "ne", "lt", "le", "gt", "ge")),
    *(f"__{kind}{_operator}__" for _operator in _ARITHMETIC if _operator != "matmul" for kind in ("", "r", "i")),
):
    setattr(DeviceArray, _name, on_tape(vars(DeviceArray)[_name]))
