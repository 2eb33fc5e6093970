"""The code of vectors for `block_products.py`, which imports this module where there is Numba."""

# ruff: noqa: ARG001, ARG005 # Numba fixes what the functions that write code are given

from collections.abc import Callable
from itertools import chain
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.np import arrayobj

from mnistnn.backend.registers import Block

_intrinsic: Any = extending.intrinsic
_tuple_of: Any = cgutils.pack_array
_populate: Any = arrayobj.populate_array
Plain = Callable[..., Any]
_REAL, _WHOLE, _BYTE = ir.FloatType(), ir.IntType(32), ir.IntType(8)
_EXPONENT_OF_ONE, _FRACTION_BITS = 127, 23  # of a float32


def teach(block: Block, multiply_block: Plain, step_of: Plain, fused: Plain, scaled: Plain) -> None:
    """Give compiled loops the code of these functions of `block_products`, for blocks like this."""
    write = _block_writer(block)

    extending.overload(multiply_block)(
        lambda a, first, count, packed, panel, c: (
            lambda a, first, count, packed, panel, c: write(a, first, count, packed, panel, c)
        )
    )
    extending.overload(step_of)(lambda steps, s: lambda steps, s: _step_of(steps, s))
    extending.overload(fused)(lambda a, b, c: lambda a, b, c: _fused(a, b, c))
    extending.overload(scaled)(lambda x, k: lambda x, k: _scaled(x, k))


@_intrinsic
def _step_of(typing: Any, steps: Any, s: Any) -> Any:
    """Return steps[s] as an array without gaps. It keeps nothing alive: loops are lent their arrays."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        step = context.make_array(signature.return_type)(context, builder)
        rows, columns = (builder.extract_value(array.shape, axis) for axis in (1, 2))
        size = rows.type(step_bytes)
        _populate(
            step,
            data=_place(builder, array, arguments[1]),
            shape=_tuple_of(builder, [rows, columns]),
            strides=_tuple_of(builder, [builder.mul(columns, size), size]),
            itemsize=size,
            meminfo=None,
        )
        return step._getvalue()

    step_bytes = steps.dtype.bitwidth // 8
    return types.Array(steps.dtype, 2, "C")(steps, types.intp), code


@_intrinsic
def _fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a b + c."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.call(_multiply_add(builder, _REAL, "f32"), arguments)

    return types.float32(types.float32, types.float32, types.float32), code


@_intrinsic
def _scaled(typing: Any, x: Any, k: Any) -> Any:
    """Return x 2ᵏ: 2ᵏ is the float32 whose bits are k + 127, shifted to where its exponent lies. A sum with 1.5·2²³ has
    k in its lowest bits; to convert k would not be defined for NaN.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, k = arguments
        whole = builder.bitcast(builder.fadd(k, _REAL(1.5 * 2.0**_FRACTION_BITS)), _WHOLE)
        bits = builder.shl(builder.add(whole, _WHOLE(_EXPONENT_OF_ONE)), _WHOLE(_FRACTION_BITS))
        return builder.fmul(x, builder.bitcast(bits, _REAL))

    return types.float32(types.float32, types.float32), code


def _multiply_add(builder: Any, kind: Any, suffix: str) -> Any:
    """Return LLVM's a b + c, which is fused where the processor has an instruction for it."""
    name = f"llvm.fmuladd.{suffix}"
    known = builder.module.globals.get(name)
    return ir.Function(builder.module, ir.FunctionType(kind, [kind] * 3), name) if known is None else known


def _block_writer(block: Block) -> Any:
    """Return the function (a, first, count, packed, panel, c) that multiplies a block."""

    @_intrinsic
    def write(typing: Any, a: Any, first: Any, count: Any, packed: Any, panel: Any, c: Any) -> Any:
        assert all(array.dtype == types.float32 for array in (a, packed, c))

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            a, first, count, packed, panel, c = arguments
            a, packed, c = (
                context.make_array(signature.args[at])(context, builder, array)
                for at, array in ((0, a), (3, packed), (5, c))
            )
            column = builder.mul(panel, panel.type(block.columns))
            line, terms = _place(builder, packed, panel), builder.extract_value(packed.shape, 1)

            def rows_of(array: Any, size: int) -> list[Any]:
                return [_place(builder, array, builder.add(first, first.type(row))) for row in range(size)]

            done = builder.append_basic_block("done")
            choice = builder.switch(count, done)
            for size in range(1, block.rows + 1):
                own = builder.append_basic_block(f"{size} rows")
                choice.add_case(count.type(size), own)
                builder.position_at_end(own)
                sums = _sums_over_k(builder, block, rows_of(a, size), line, terms)
                for start, of_row in zip(rows_of(c, size), sums, strict=True):
                    for at, total in zip(_vectors(builder, block, start, column), of_row, strict=True):
                        builder.store(total, at, align=4)
                builder.branch(done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return types.void(a, types.intp, types.intp, packed, types.intp, c), code

    return write


def _sums_over_k(builder: Any, block: Block, rows: list[Any], line: Any, terms: Any) -> list[list[Any]]:
    """Write the loop over k, one at least, that keeps all sums in registers; return them, of each row."""
    vector, index = ir.VectorType(_REAL, block.lanes), terms.type
    zero = ir.Constant(vector, [0.0] * block.lanes)
    fma = _multiply_add(builder, vector, f"v{block.lanes}f32")
    before, loop, after = builder.block, builder.append_basic_block("k"), builder.append_basic_block("sums")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(index)
    sums = [[builder.phi(vector) for _ in range(block.vectors)] for _ in rows]
    places = _vectors(builder, block, line, builder.mul(k, index(block.columns)))
    of_line = [builder.load(at, align=4) for at in places]
    added = []
    for row, of_row in zip(rows, sums, strict=True):
        number = _in_all_lanes(builder, vector, builder.load(builder.gep(row, [k])))
        added.append([builder.call(fma, [number, b, total]) for b, total in zip(of_line, of_row, strict=True)])
    following = builder.add(k, index(1))
    k.add_incoming(index(0), before)
    k.add_incoming(following, loop)
    for total, new in zip(chain(*sums), chain(*added), strict=True):
        total.add_incoming(zero, before)
        total.add_incoming(new, loop)
    builder.cbranch(builder.icmp_signed("<", following, terms), loop, after)
    builder.position_at_end(after)
    return added


def _place(builder: Any, array: Any, first: Any) -> Any:
    """Return the address of array[first], whatever lies between one and the next."""
    start = builder.bitcast(array.data, _BYTE.as_pointer())
    at = builder.gep(start, [builder.mul(builder.extract_value(array.strides, 0), first)])
    return builder.bitcast(at, _REAL.as_pointer())


def _vectors(builder: Any, block: Block, start: Any, column: Any) -> list[Any]:
    """Return the addresses of the vectors of a line that begin at a column."""
    first, pointer = builder.gep(start, [column]), ir.VectorType(_REAL, block.lanes).as_pointer()
    index = column.type
    return [
        builder.bitcast(builder.gep(first, [index(number * block.lanes)]), pointer) for number in range(block.vectors)
    ]


def _in_all_lanes(builder: Any, vector: Any, number: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    places = ir.Constant(ir.VectorType(_WHOLE, vector.count), [0] * vector.count)
    return builder.shuffle_vector(builder.insert_element(undefined, number, _WHOLE(0)), undefined, places)
