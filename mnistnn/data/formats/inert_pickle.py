"""Read the arrays out of a pickle without unpickling it.

A pickle is a program for a stack machine, and Python's own machine lets that program import and call
anything. This one cannot: it knows the few opcodes with which NumPy arrays, tuples, lists and numbers are
written (protocols 1 to 5, by Python 2 or 3) and performs no look-up and no call. Whatever else is met is an
error.
"""

import struct
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from mnistnn.data.formats.pickled_array import MalformedPickleError, global_token, set_state, stand_for_call
from mnistnn.errors import DataError

MAX_OPCODES = 10_000
"""More than enough for six arrays. It bounds the stack and the memo too: an opcode adds at most one entry."""

_MAX_LINE_BYTES = 100  # the known names are far shorter


class _Mark(Enum):
    MARK = auto()


def load(content: bytes | bytearray, place: str) -> object:
    """Return the object in a pickle: tuples and lists of PickledArray, numbers and strings.

    Raises DataError, naming `place` and the byte, for everything that is not a plain pickle of arrays; runs
    no code of the file's choosing whatever it contains. Memory: the arrays are views of `content`, except in
    pickles that Python 3 wrote with protocols 0 to 2, which hold bytes as text.
    """
    machine = _Machine(content)
    try:
        return machine.run()
    except MalformedPickleError as error:
        raise DataError(
            f"{place}: byte {machine.opcode_at}: {error}; only plain pickles of NumPy arrays are read"
        ) from error


class _Machine:
    """The stack machine: a position in the bytes, a stack, and a memo."""

    def __init__(self, content: bytes | bytearray) -> None:
        self._content = memoryview(content).toreadonly()
        self._position = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        # Encoding one memoized string again and again must not add up to more than the file.
        self._encode_budget_bytes = len(content)
        self.opcode_at = 0

    def run(self) -> object:
        """Execute until STOP, which must be the last byte and find one value on the stack."""
        for _ in range(MAX_OPCODES):
            self.opcode_at = self._position
            opcode = self._number("<B")
            if opcode == _STOP:
                result = self._pop()
                if self._stack or self._position != len(self._content):
                    raise MalformedPickleError("the pickle does not end here")
                return result
            self._execute(opcode)
        raise MalformedPickleError(f"more than {MAX_OPCODES} opcodes")

    def _execute(self, opcode: int) -> None:
        if opcode in _INTEGERS:
            self._stack.append(self._number(_INTEGERS[opcode]))
        elif opcode in _BYTE_STRINGS:
            self._stack.append(self._take(self._number(_BYTE_STRINGS[opcode])))
        elif opcode in _TEXTS:
            self._stack.append(_text(self._take(self._number(_TEXTS[opcode]))))
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode in _SHORT_TUPLES:
            self._stack.append(tuple([self._pop() for _ in range(_SHORT_TUPLES[opcode])][::-1]))
        elif opcode in _MEMO_PUTS:
            self._memo[self._number(_MEMO_PUTS[opcode])] = self._top()
        elif opcode in _MEMO_GETS:
            self._stack.append(self._recall(self._number(_MEMO_GETS[opcode])))
        elif opcode in _OTHERS:
            _OTHERS[opcode](self)
        else:
            raise MalformedPickleError(f"opcode 0x{opcode:02x} is not allowed")

    # The opcodes that are more than an entry of a table.

    def protocol(self) -> None:
        version = self._number("<B")
        if version > 5:
            raise MalformedPickleError(f"pickle protocol {version} is not known")

    def frame(self) -> None:
        if self._number("<Q") > len(self._content) - self._position:
            raise MalformedPickleError("the file ends too early")

    def decimal_integer(self) -> None:
        """Protocol 1 writes False and True as the numbers 00 and 01."""
        line = self._line()
        if not (line.isascii() and line.isdecimal()):
            raise MalformedPickleError("a malformed integer")
        self._stack.append(int(line))

    def long_integer(self) -> None:
        digits = self._take(self._number("<B"))
        if len(digits) > 8:
            raise MalformedPickleError("an integer of more than 64 bits")
        self._stack.append(int.from_bytes(digits, "little", signed=True))

    def memoize(self) -> None:
        self._memo[len(self._memo)] = self._top()

    def tuple_from_mark(self) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    def empty_list(self) -> None:
        self._stack.append([])

    def append(self) -> None:
        self._extend_list([self._pop()])

    def appends(self) -> None:
        self._extend_list(self._pop_to_mark())

    def global_from_lines(self) -> None:
        module = self._line()
        self._stack.append(global_token(module, self._line()))

    def global_from_stack(self) -> None:
        name, module = self._pop(), self._pop()
        self._stack.append(global_token(module, name))

    def reduce(self) -> None:
        arguments, function = self._pop(), self._pop()
        result = stand_for_call(function, arguments)
        self._stack.append(self._encode_latin1(result) if isinstance(result, str) else result)

    def build(self) -> None:
        state = self._pop()
        set_state(self._top(), state)

    # The stack, the memo and the bytes.

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _Mark.MARK:
            raise MalformedPickleError("a value is missing")
        return self._stack[-1]

    def _pop(self) -> Any:
        value = self._top()
        self._stack.pop()
        return value

    def _pop_to_mark(self) -> list[Any]:
        for start in range(len(self._stack) - 1, -1, -1):
            if self._stack[start] is _Mark.MARK:
                values = self._stack[start + 1 :]
                del self._stack[start:]
                return values
        raise MalformedPickleError("a mark is missing")

    def _extend_list(self, values: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, list):
            raise MalformedPickleError("an append to something that is not a list")
        target.extend(values)

    def _recall(self, index: int) -> Any:
        if index not in self._memo:
            raise MalformedPickleError("a reference to a value that was not stored")
        return self._memo[index]

    def _take(self, count: int) -> memoryview:
        if not 0 <= count <= len(self._content) - self._position:
            raise MalformedPickleError("the file ends too early")
        self._position += count
        return self._content[self._position - count : self._position]

    def _number(self, format_: str) -> int:
        number: int = struct.unpack(format_, self._take(struct.calcsize(format_)))[0]
        return number

    def _line(self) -> str:
        window = bytes(self._content[self._position : self._position + _MAX_LINE_BYTES])
        line, newline, _ = window.partition(b"\n")
        if not newline:
            raise MalformedPickleError("a line that does not end")
        self._position += len(line) + 1
        return line.decode("latin-1")

    def _encode_latin1(self, text: str) -> memoryview:
        self._encode_budget_bytes -= len(text)
        if self._encode_budget_bytes < 0:
            raise MalformedPickleError("more encoded text than the file holds")
        try:
            return memoryview(text.encode("latin-1"))
        except UnicodeEncodeError as error:
            raise MalformedPickleError("text that does not stand for bytes") from error


def _text(data: memoryview) -> str:
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise MalformedPickleError("text that is not UTF-8") from error


_STOP = ord(".")
# Where a number or a length follows the opcode, the table gives its struct format.
_INTEGERS = {ord("J"): "<i", ord("K"): "<B", ord("M"): "<H"}
_BYTE_STRINGS = {ord("U"): "<B", ord("T"): "<i", ord("C"): "<B", ord("B"): "<I", 0x8E: "<Q", 0x96: "<Q"}
_TEXTS = {0x8C: "<B", ord("X"): "<I", 0x8D: "<Q"}
_CONSTANTS = {ord("N"): None, 0x88: True, 0x89: False, ord("("): _Mark.MARK, ord(")"): ()}
_SHORT_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}
_MEMO_PUTS = {ord("q"): "<B", ord("r"): "<I"}
_MEMO_GETS = {ord("h"): "<B", ord("j"): "<I"}
_OTHERS: dict[int, Callable[[_Machine], None]] = {
    0x80: _Machine.protocol,
    0x95: _Machine.frame,
    ord("I"): _Machine.decimal_integer,
    0x8A: _Machine.long_integer,
    0x94: _Machine.memoize,
    ord("t"): _Machine.tuple_from_mark,
    ord("]"): _Machine.empty_list,
    ord("a"): _Machine.append,
    ord("e"): _Machine.appends,
    ord("c"): _Machine.global_from_lines,
    0x93: _Machine.global_from_stack,
    ord("R"): _Machine.reduce,
    ord("b"): _Machine.build,
}
