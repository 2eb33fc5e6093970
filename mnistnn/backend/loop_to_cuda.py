"""CUDA kernels derived from the loops that Numba compiles (`jit.py`), so that no arithmetic is written twice.

A `Kernel` treats each i on its own. So does a loop over one index that uses element i of its arrays and nothing else.
The Python source of such a loop is translated statement by statement:

    def loop(y: Array, x: Array, a: float) -> None:
        zero = y.dtype.type(0)
        for i in range(y.size):
            product = x[i] * a
            y[i] += product if product > zero else zero

- The arguments are arrays of one size and dtype, and scalars of that dtype.
- A statement assigns a number, with =, +=, -=, *= or /=, to a name or, inside the loop, to element i of an array. The
  loop does not assign to names from outside.
- A number is a name, an element, a constant `y.dtype.type(0.5)`, a sum, difference, product, quotient or negative,
  `np.sqrt(x)`, `np.abs(x)`, or a choice by one comparison, `x if a < b else y`.

IEEE 754 defines the result of each of these operations exactly, and the order of operations stays that of Python, so
kernel and loop give the same bits. Anything else in a loop is refused with its file and line.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from math import isfinite
from types import CodeType
from typing import Any

from mnistnn.backend.cuda import Kernel, Numbers

_OPERATORS: dict[type[ast.AST], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS: dict[type[ast.AST], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_FUNCTIONS = {"np.sqrt": "sqrt", "np.abs": "fabs"}


class UnsupportedLoopError(Exception):
    """No kernel can be derived from a loop. The message gives file, line, loop, construct and reason."""


def kernel_of(function: Callable[..., Any], name: str, zeros: Collection[str] = ()) -> Kernel:
    """Return the kernel that does what a loop does. It is launched with n = the size of the arrays.

    function  the loop, a function of a module; arrays (n,) are annotated as Array, scalars as float
    name      the name of the kernel
    zeros     scalars that are always 0 where the kernel is used, so it does not take them: `x if decay else y` becomes
              y, and no other use is allowed

    The kernel takes the arrays in the order of the loop, then one array of the scalars in their order (`Numbers`).
    Raises UnsupportedLoopError if the loop cannot be translated, and OSError if its source cannot be read.
    """
    return _Translation(function, zeros).kernel(name)


class _Translation:
    """Translates one loop. In C++ its names end with an underscore, as some, such as `new`, are keywords there."""

    def __init__(self, function: Callable[..., Any], zeros: Collection[str]) -> None:
        self._code, self._zeros = function.__code__, zeros
        self._arrays: list[str] = []
        self._scalars: list[str] = []
        self._index: str | None = None  # None before the loop
        self._numbers: set[str] = set()  # names that have a value at the present statement
        self._fixed: set[str] = set()  # those of them that may not be assigned again
        self._written: set[str] = set()  # arrays that the loop assigns to
        self._lines: list[str] = []
        definition = _definition_of(function)
        self._read_arguments(definition.args)
        self._translate_body(definition.body[1:] if ast.get_docstring(definition) is not None else definition.body)

    def kernel(self, name: str) -> Kernel:
        arrays = [f"{'' if array in self._written else 'const '}Real* {array}_" for array in self._arrays]
        scalars = [f"Real {scalar}_ = numbers[{place}];" for place, scalar in enumerate(self._scalars)]
        return Kernel(name, ", ".join([*arrays, "const Real* numbers"]), "\n".join([*scalars, *self._lines]))

    def _read_arguments(self, arguments: ast.arguments) -> None:
        for other in (*arguments.posonlyargs, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg):
            if other is not None:
                raise self._refused(other, "arguments are passed by position")
        for argument in arguments.args:
            kind = argument.annotation and ast.unparse(argument.annotation)
            if kind == "Array":
                self._arrays.append(argument.arg)
            elif kind != "float":
                raise self._refused(argument, "an argument is annotated as Array or as float")
            elif argument.arg not in self._zeros:
                self._scalars.append(argument.arg)
            if len(self._scalars) > Numbers.most:
                raise self._refused(argument, f"a kernel takes at most {Numbers.most} scalars")
        self._numbers.update(self._scalars)
        self._fixed.update(self._scalars)

    def _translate_body(self, statements: list[ast.stmt]) -> None:
        *before, last = statements
        for statement in before:
            self._translate_statement(statement)
        ranges = [f"range({array}.size)" for array in self._arrays]
        match last:
            case ast.For(target=ast.Name(id=index), orelse=[]) if (
                self._is_new(index) and ast.unparse(last.iter) in ranges
            ):
                self._index = index
                self._fixed.update(self._numbers)
                for statement in last.body:
                    self._translate_statement(statement)
            case _:
                raise self._refused(last, "a function ends with its loop, such as `for i in range(theta.size):`")

    def _translate_statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                # Python computes all values first. As no value can contain a new name, the order makes no difference.
                is_new = [isinstance(target, ast.Name) and self._is_new(target.id) for target in targets]
                if not all(is_new) or len(targets) != len(values):
                    raise self._refused(node, "several names are assigned at once only if each is new")
                for target, number in zip(targets, [self._number(value) for value in values], strict=True):
                    self._assign(target, "=", number)
            case ast.Assign(targets=[target], value=value):
                self._assign(target, "=", self._number(value))
            case ast.AugAssign(target=target, op=op, value=value) if type(op) in _OPERATORS:
                self._assign(target, f"{_OPERATORS[type(op)]}=", self._number(value))
            case _:
                raise self._refused(node, "a statement assigns a number with =, +=, -=, *= or /=")

    def _assign(self, target: ast.expr, operator: str, number: str) -> None:
        match target:
            case ast.Name(id=name) if operator == "=" and self._is_new(name):
                self._numbers.add(name)
                self._lines.append(f"Real {name}_ = {number};")
            case ast.Name(id=name) if name in self._numbers - self._fixed:
                self._lines.append(f"{name}_ {operator} {number};")
            case ast.Subscript(value=ast.Name(id=array), slice=ast.Name(id=self._index)) if array in self._arrays:
                self._written.add(array)
                self._lines.append(f"{array}_[i] {operator} {number};")
            case _:
                raise self._refused(target, "is neither element i of an array nor a name that may be assigned here")

    def _number(self, node: ast.expr) -> str:
        """Return a number in C++. Each operation is in brackets, so that the precedence is Python's."""
        match node:
            case ast.Name(id=name) if name in self._numbers:
                return f"{name}_"
            case ast.Subscript(value=ast.Name(id=array), slice=ast.Name(id=self._index)) if array in self._arrays:
                return f"{array}_[i]"
            case ast.UnaryOp(op=ast.USub(), operand=x):
                return f"(-{self._number(x)})"
            case ast.BinOp(left=x, op=op, right=y) if type(op) in _OPERATORS:
                return f"({self._number(x)} {_OPERATORS[type(op)]} {self._number(y)})"
            case ast.IfExp(test=ast.Name(id=name), orelse=y) if name in self._zeros:
                return self._number(y)
            case ast.IfExp(test=test, body=x, orelse=y):
                return f"({self._comparison(test)} ? {self._number(x)} : {self._number(y)})"
            case ast.Call(func=function, args=[x], keywords=[]) if ast.unparse(function) in _FUNCTIONS:
                return f"{_FUNCTIONS[ast.unparse(function)]}({self._number(x)})"
            case ast.Call(func=ast.Attribute(value=ast.Attribute(value=ast.Name(id=array))), args=[x], keywords=[]) if (
                array in self._arrays and ast.unparse(node.func) == f"{array}.dtype.type"
            ):
                return f"Real({self._constant(x)})"
            case ast.Constant():
                raise self._refused(node, "a literal is a float64: write theta.dtype.type(…)")
            case ast.Name(id=name) if name in self._zeros:
                raise self._refused(node, f"is not passed to the kernel; use it only as in `x if {name} else y`")
        raise self._refused(node, "is not among the expressions that loop_to_cuda.py translates")

    def _comparison(self, node: ast.expr) -> str:
        match node:
            case ast.Compare(left=x, ops=[op], comparators=[y]) if type(op) in _COMPARISONS:
                return f"{self._number(x)} {_COMPARISONS[type(op)]} {self._number(y)}"
        raise self._refused(node, "a choice is made by one comparison of two numbers")

    def _constant(self, node: ast.expr) -> str:
        try:
            value = ast.literal_eval(node)
        except ValueError:
            value = None
        if type(value) not in (int, float) or not isfinite(value):
            raise self._refused(node, "a constant is a finite literal")
        return repr(float(value))

    def _is_new(self, name: str) -> bool:
        return name not in {*self._arrays, *self._zeros, *self._numbers, self._index}

    def _refused(self, node: ast.expr | ast.stmt | ast.arg, why: str) -> UnsupportedLoopError:
        construct = ast.unparse(node).partition("\n")[0]
        return UnsupportedLoopError(
            f"{self._code.co_filename}:{node.lineno}: loop {self._code.co_name}: `{construct}`: {why}"
        )


def _definition_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """Return the syntax tree of a function of a module, with line numbers of its file."""
    code, defined, compiled = function.__code__, [], []
    with suppress(SyntaxError):
        tree = ast.parse(inspect.getsource(sys.modules[function.__module__]))
        defined = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == code.co_name]
        compiled = [each for each in compile(tree, code.co_filename, "exec").co_consts if isinstance(each, CodeType)]
    # The file is read now and was imported earlier: it may have been edited in between.
    if len(defined) != 1 or not any(_does_the_same(each, code) for each in compiled):
        place = f"{code.co_filename}:{code.co_firstlineno}: loop {code.co_name}"
        raise UnsupportedLoopError(
            f"{place}: the file has changed since it was imported, or this is not a function of the module"
        )
    return defined[0]


def _does_the_same(one: CodeType, other: CodeType) -> bool:
    parts = ("co_name", "co_code", "co_consts", "co_names", "co_varnames")
    return all(getattr(one, part) == getattr(other, part) for part in parts)
