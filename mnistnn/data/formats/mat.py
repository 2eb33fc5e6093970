"""MATLAB's level 5 MAT-files, as `save -v6` and `save -v7` write them: arrays of numbers, and structs of such.

offset 0    116 bytes of text, 8 of no interest here, the version 0x0100, and "IM" where bytes come lowest first
then        elements: their type and length, 4 bytes each, their data, and zeros up to a multiple of 8 bytes.
            Up to four bytes of data lie in the place of the length, which then is the upper half of the type

An array is an element (miMATRIX) of elements: flags with its class, the sizes of its axes, its name, then its values,
the first axis running fastest. A compressed element (miCOMPRESSED) is one array, deflated. Nothing is allocated from a
number that a file merely claims. Cells, objects and sparse arrays are left out; version 7.3 is HDF5, and refused.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError

MAT_STARTS = (b"MATLAB 5.0", b"MATLAB 7.3")
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"

_HEADER_BYTES, _TAG_BYTES = 128, 8
_LITTLE, _BIG = b"IM", b"MI"
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE = 1, 2, 3, 4, 5
_NUMERIC = range(6, 16)  # double, single, and integers of 8 to 64 bits
_NAMES = {_CELL: "a cell array", _OBJECT: "an object", _CHAR: "text", _SPARSE: "a sparse array"}
_COMPLEX = 0x800
_MOST_AXES, _MOST_DEPTH, _MOST_FIELDS, _MOST_ARRAYS = 8, 4, 64, 1000


@dataclass(frozen=True)
class NotRead:
    """Stands for what a file has and is not read; `kind` says what it is."""

    kind: str


MatArray = NDArray[np.generic]
Found = dict[str, "MatArray | NotRead"]


def decode_mat(content: bytes, place: str) -> Found:
    """Return the arrays in the bytes of a MAT-file by name; those of a struct are called as in `s.field`.

    Arrays have their axes, and the type that they are stored in: a double may come as uint8. Raises DataError, naming
    `place`, for anything else than a whole MAT-file of level 5.
    """
    if content.startswith((MAT_STARTS[1], HDF5_MAGIC)) or content[512:520] == HDF5_MAGIC:
        raise DataError(
            f"{place}: is a MAT-file of version 7.3, which is HDF5 and is not read; in MATLAB, "
            "save('set.mat', …, '-v7') writes one that is"
        )
    if len(content) < _HEADER_BYTES:
        raise DataError(f"{place}: too short for a MAT-file")
    mark = content[126:128]
    if mark not in (_LITTLE, _BIG):
        raise DataError(f"{place}: is not a MAT-file of level 5 (its header ends with {mark!r})")
    return _Reader("<" if mark == _LITTLE else ">", place).arrays(content)


class _Reader:
    """Reads one file. What it inflates adds up, and may not be more than a set."""

    def __init__(self, order: str, place: str) -> None:
        self._order, self._place = order, place
        self._inflated_bytes = self._arrays = 0

    def arrays(self, content: bytes) -> Found:
        found: Found = {}
        view = memoryview(content)[_HEADER_BYTES:]
        for kind, data in self._elements(view, "the file"):
            if kind == _COMPRESSED:
                inflated = memoryview(self._inflated(data))
                inner = list(self._elements(inflated, "a compressed element"))
                if len(inner) != 1 or inner[0][0] != _MATRIX:
                    raise self._error("a compressed element is no array")
                data = inner[0][1]
            elif kind != _MATRIX:
                raise self._error(f"an element of type {kind} in the place of an array")
            self._take(data, "", 0, found)
        return found

    def _take(self, data: memoryview, prefix: str, depth: int, found: Found) -> None:
        """Put one array, or the arrays of a struct, into `found`. `prefix` is the name of what it belongs to."""
        self._arrays += 1
        if self._arrays > _MOST_ARRAYS or depth > _MOST_DEPTH:
            raise self._error(f"more than {_MOST_ARRAYS} arrays, or structs that are {_MOST_DEPTH} deep")
        if not data.nbytes:
            found[prefix] = NotRead("an empty array")
            return
        parts = self._elements(data, prefix or "an array")
        flags = self._numbers(parts, _UINT32, 2, prefix)
        class_, is_complex = int(flags[0]) & 0xFF, bool(int(flags[0]) & _COMPLEX)
        if class_ not in _NUMERIC and class_ not in (_STRUCT, *_NAMES):
            found[prefix or f"(array {self._arrays})"] = NotRead("of a kind that is not read")
            return
        axes = tuple(int(size) for size in self._numbers(parts, _INT32, None, prefix))
        if not 2 <= len(axes) <= _MOST_AXES or min(axes) < 0:
            raise self._error(f"{prefix or 'an array'} has axes of {list(axes)}")
        name = prefix + self._name(parts, prefix)
        if name in found:
            raise self._error(f"two arrays are called {name!r}")
        if class_ == _STRUCT:
            self._take_fields(parts, axes, name, depth, found)
        elif class_ in _NAMES or is_complex:
            found[name] = NotRead(_NAMES.get(class_, "an array of complex numbers"))
        else:
            found[name] = self._values(parts, axes, name)

    def _take_fields(
        self, parts: Iterator[tuple[int, memoryview]], axes: tuple[int, ...], name: str, depth: int, found: Found
    ) -> None:
        length = int(self._numbers(parts, _INT32, 1, name)[0])
        kind, raw = self._next(parts, name)
        if kind != _INT8 or length < 1 or raw.nbytes % length or raw.nbytes // length > _MOST_FIELDS:
            raise self._error(f"{name} has names of fields that cannot be read")
        fields = [
            bytes(raw[at : at + length]).partition(b"\0")[0].decode("latin-1") for at in range(0, raw.nbytes, length)
        ]
        if math.prod(axes) != 1:
            found[name] = NotRead("an array of structs")
            return
        for field in fields:
            kind, data = self._next(parts, f"{name}.{field}")
            if kind != _MATRIX:
                raise self._error(f"{name}.{field} is no array")
            self._take(data, f"{name}.{field}", depth + 1, found)

    def _values(self, parts: Iterator[tuple[int, memoryview]], axes: tuple[int, ...], name: str) -> MatArray:
        kind, data = self._next(parts, name)
        if kind not in _NUMBERS:
            raise self._error(f"{name} has values of type {kind}")
        stored = np.dtype(self._order + _NUMBERS[kind])  # whole doubles are often stored as small integers
        if data.nbytes != math.prod(axes) * stored.itemsize:
            raise self._error(f"{name} has {data.nbytes} bytes, expected {math.prod(axes)} values of {stored}")
        values = np.frombuffer(data, dtype=stored)
        return values.astype(stored.newbyteorder("="), copy=False).reshape(axes, order="F")

    def _numbers(
        self, parts: Iterator[tuple[int, memoryview]], expected: int, count: int | None, name: str
    ) -> NDArray[np.generic]:
        """Return the numbers of the next part, of which there must be `count`."""
        kind, data = self._next(parts, name)
        if kind != expected or data.nbytes % 4 or data.nbytes > 4 * _MOST_AXES or count not in (None, data.nbytes // 4):
            raise self._error(f"{name or 'an array'} has no proper head")
        return np.frombuffer(data, dtype=self._order + _NUMBERS[kind])

    def _name(self, parts: Iterator[tuple[int, memoryview]], prefix: str) -> str:
        kind, data = self._next(parts, prefix)
        if kind != _INT8 or data.nbytes > 256:
            raise self._error(f"{prefix or 'an array'} has no proper name")
        name = bytes(data).rstrip(b"\0").decode("latin-1")
        if not name.isprintable():
            raise self._error(f"an array is called {name!r}")
        return name

    def _next(self, parts: Iterator[tuple[int, memoryview]], name: str) -> tuple[int, memoryview]:
        found = next(parts, None)
        if found is None:
            raise self._error(f"{name or 'an array'} ends too early")
        return found

    def _elements(self, data: memoryview, name: str) -> Iterator[tuple[int, memoryview]]:
        """Yield type and data of the elements that follow each other."""
        at = 0
        while at < data.nbytes:
            if at + _TAG_BYTES > data.nbytes:
                raise self._error(f"{name} ends inside of an element's head")
            kind, length = struct.unpack_from(f"{self._order}II", data, at)
            if kind >> 16:  # a small element, whose data lies in its head
                length, kind = kind >> 16, kind & 0xFFFF
                if length > 4:
                    raise self._error(f"{name} has an element that is damaged")
                yield kind, data[at + 4 : at + 4 + length]
                at += _TAG_BYTES
                continue
            start = at + _TAG_BYTES
            if length > data.nbytes - start:
                raise self._error(f"{name} ends too early")
            yield kind, data[start : start + length]
            at = start + length if kind == _COMPRESSED else start + -(-length // 8) * 8

    def _inflated(self, data: memoryview) -> bytes:
        room = MAX_SET_BYTES - self._inflated_bytes
        inflater = zlib.decompressobj()
        try:
            inflated = inflater.decompress(data, room + 1)
        except zlib.error as error:
            raise self._error(f"the compressed data is damaged ({error})") from error
        if len(inflated) > room:
            raise self._error(f"decompresses to more than the {MAX_SET_BYTES} bytes that are allowed")
        if not inflater.eof:
            raise self._error("the compressed data ends too early")
        self._inflated_bytes += len(inflated)
        return inflated

    def _error(self, problem: str) -> DataError:
        return DataError(f"{self._place}: {problem}")
