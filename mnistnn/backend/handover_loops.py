"""Compiled code in which workers wait for matrix products and multiply, without Python's lock.

To hand a product to a thread that sleeps takes 50 µs, and Python's lock has to go back and forth; a product of a small
net takes 100. So a helper, before it sleeps, looks for some microseconds for a word of memory to change, and multiplies
when it does, all in one call of compiled code. This module needs Numba; `handover.py` imports it where there is one.

The memory that all look at is one array of int64, each number in a cache line of its own:

    WORD   ticket · 2³² + pieces · 2¹⁶ + pieces that somebody has begun. It changes last when there is a new product.
    ENDED  pieces that have ended
    LIMIT  how many workers take part
    PRODUCT and what follows: the product, as `begin` writes it. It is read only by who has begun one of its pieces, and
           written only when all pieces of the one before have ended.
"""

# ruff: noqa: ARG001 # Numba fixes what the functions that write code are given

import platform
from typing import Any

from llvmlite import ir
from numba import extending, njit, types

LINE = 8  # numbers of a cache line
WORD, ENDED, LIMIT, PRODUCT = 0, LINE, 2 * LINE, 3 * LINE
SIZE = 6 * LINE
CALL = 0xFFFF
"""In place of the pieces: there is something to do in Python."""

_ROW_MAJOR, _PLAIN, _TRANSPOSED = 101, 111, 112  # as CBLAS names them
intrinsic: Any = extending.intrinsic
_INT, _LONG, _BYTE = ir.IntType(32), ir.IntType(64), ir.IntType(8)


def _compiled(function: Any) -> Any:
    """Compile a function, and keep it for other processes where there is a folder for that."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder for the cache can be written to
        return njit(nogil=True)(function)


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Return the address of a number of an array."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@intrinsic
def load(typing: Any, array: Any, at: Any) -> Any:
    """Return array[at], after all that was written before it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_place(context, builder, signature, arguments), "acquire", 8)

    return types.int64(array, types.intp), code


@intrinsic
def store(typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Write array[at], after all that was written before."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[2], _place(context, builder, signature, arguments), "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), code


@intrinsic
def add(typing: Any, array: Any, at: Any, value: Any) -> Any:
    """Add to array[at]; return what was there before."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", _place(context, builder, signature, arguments), arguments[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), code


@intrinsic
def replace(typing: Any, array: Any, at: Any, before: Any, after: Any) -> Any:
    """Write `after` to array[at] if `before` is there; tell whether it was."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature, arguments)
        return builder.extract_value(builder.cmpxchg(place, *arguments[2:], "seq_cst", "seq_cst"), 1)

    return types.boolean(array, types.intp, types.int64, types.int64), code


@intrinsic
def pause(typing: Any) -> Any:
    """Tell the processor that this thread only waits: what it shares a core with goes first."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = platform.machine().lower()
        if kind in ("x86_64", "amd64"):
            function = ir.FunctionType(ir.VoidType(), [])
            builder.call(builder.module.declare_intrinsic("llvm.x86.sse2.pause", (), function), [])
        elif kind in ("arm64", "aarch64"):
            function = ir.FunctionType(ir.VoidType(), [_INT])
            builder.call(builder.module.declare_intrinsic("llvm.aarch64.hint", (), function), [_INT(1)])
        return context.get_dummy_value()

    return types.void(), code


def _gemm(real: Any) -> Any:
    @intrinsic
    def gemm(
        typing: Any, address: Any, is_a_turned: Any, is_b_turned: Any, m: Any, n: Any, k: Any, a: Any, lda: Any,
        b: Any, ldb: Any, c: Any, ldc: Any,
    ) -> Any:  # fmt: skip
        """Call CBLAS's function at an address: c = a b, by rows."""

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address, *turned, m, n, k, a, lda, b, ldb, c, ldc = arguments
            pointer = _BYTE.as_pointer()
            function = ir.FunctionType(
                ir.VoidType(),
                [*[_INT] * 3, *[_LONG] * 3, real, pointer, _LONG, pointer, _LONG, real, pointer, _LONG],
            )
            a, b, c = (builder.inttoptr(place, pointer) for place in (a, b, c))
            forms = [builder.trunc(each, _INT) for each in turned]
            builder.call(
                builder.inttoptr(address, function.as_pointer()),
                [_INT(_ROW_MAJOR), *forms, m, n, k, real(1.0), a, lda, b, ldb, real(0.0), c, ldc],
            )
            return context.get_dummy_value()

        return types.void(*[types.int64] * 12), code

    return gemm


_single, _double = _gemm(ir.FloatType()), _gemm(ir.DoubleType())


@_compiled
def wait(memory: Any, worker: int, seen: int, looks: int) -> int:
    """Look, so many times, for a word that is not `seen`, and multiply what it stands for, again and again; return the
    last word that was seen. It is `seen` if none came, and one of CALL if there is something to do in Python.
    """
    left = looks
    while left > 0:
        word = load(memory, WORD)
        if (word >> 32) == (seen >> 32):
            left -= 1
            pause()
            continue
        if ((word >> 16) & 0xFFFF) == CALL:
            return word
        if worker < load(memory, LIMIT):
            multiply_pieces(memory, word >> 32)
        seen, left = word, looks
    return seen


@_compiled
def product(memory: Any, a: Any, b: Any, c: Any, address: int, part: int, count: int, workers: int, looks: int) -> bool:
    """Multiply a (m, k) and b (k, n) into c (m, n) in `count` pieces of `part` columns, or rows if there are more rows;
    tell whether all have ended. If not, a helper has begun one that it is slow with.
    """
    memory[LIMIT] = workers
    begin(memory, a, b, c, address, part)
    ticket = ((load(memory, WORD) >> 32) + 1) & 0x3FFFFFFF
    store(memory, ENDED, 0)
    store(memory, WORD, (ticket << 32) + (count << 16))
    multiply_pieces(memory, ticket)
    while load(memory, ENDED) < count:
        looks -= 1
        if looks < 0:
            return False
        pause()
    return True


@_compiled
def form(x: Any) -> tuple[int, int]:
    """Return how a matrix lies, by rows or transposed, and how many numbers lie from one of its lines to the next."""
    size = x.itemsize
    if x.strides[1] == size and x.strides[0] >= x.shape[1] * size:
        return _PLAIN, x.strides[0] // size
    return _TRANSPOSED, x.strides[1] // size


@_compiled
def multiply(address: int, a: Any, b: Any, c: Any) -> None:
    """Multiply a (m, k) and b (k, n) into c (m, n), on this thread."""
    (m, k), n = a.shape, b.shape[1]
    (form_of_a, to_next_of_a), (form_of_b, to_next_of_b) = form(a), form(b)
    at_a, at_b, at_c, to_next_of_c = a.ctypes.data, b.ctypes.data, c.ctypes.data, c.strides[0] // c.itemsize
    if c.itemsize == 4:
        _single(address, form_of_a, form_of_b, m, n, k, at_a, to_next_of_a, at_b, to_next_of_b, at_c, to_next_of_c)
    else:
        _double(address, form_of_a, form_of_b, m, n, k, at_a, to_next_of_a, at_b, to_next_of_b, at_c, to_next_of_c)


@_compiled
def begin(memory: Any, a: Any, b: Any, c: Any, address: int, part: int) -> None:
    """Write down a product."""
    size, (m, k), n = a.itemsize, a.shape, b.shape[1]
    (form_of_a, to_next_of_a), (form_of_b, to_next_of_b) = form(a), form(b)
    by_rows = m > n
    p = memory[PRODUCT:]
    p[0], p[1] = address, size
    p[2], p[3], p[4] = m, n, k
    p[5], p[6], p[7] = a.ctypes.data, form_of_a, to_next_of_a
    p[8], p[9], p[10] = b.ctypes.data, form_of_b, to_next_of_b
    p[11], p[12] = c.ctypes.data, c.strides[0] // size
    p[13], p[14] = part, by_rows
    # From one piece to the next, in bytes.
    p[15] = part * a.strides[0] if by_rows else 0
    p[16] = 0 if by_rows else part * b.strides[1]
    p[17] = part * c.strides[0 if by_rows else 1]


@_compiled
def multiply_pieces(memory: Any, ticket: int) -> None:
    """Multiply pieces of a product until none is left that nobody has begun."""
    while True:
        word = load(memory, WORD)
        number = word & 0xFFFF
        if (word >> 32) != ticket or number >= ((word >> 16) & 0xFFFF):
            return
        if not replace(memory, WORD, word, word + 1):
            continue  # somebody else has begun it
        p = memory[PRODUCT:]
        m, n = p[2], p[3]
        if p[14]:
            m = min(p[13], m - number * p[13])
        else:
            n = min(p[13], n - number * p[13])
        a, b, c = p[5] + number * p[15], p[8] + number * p[16], p[11] + number * p[17]
        if p[1] == 4:
            _single(p[0], p[6], p[9], m, n, p[4], a, p[7], b, p[10], c, p[12])
        else:
            _double(p[0], p[6], p[9], m, n, p[4], a, p[7], b, p[10], c, p[12])
        add(memory, ENDED, 1)
