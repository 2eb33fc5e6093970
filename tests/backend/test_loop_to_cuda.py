"""Kernels derived from loops: run on the host they give the loop's bits, and what they could not give is refused."""

import ast
import importlib
import itertools
import py_compile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistnn.backend.cuda import Numbers
from mnistnn.backend.loop_to_cuda import UnsupportedLoopError, kernel_of
from tests.device import on_host

ARGUMENTS = "y: Array, x: Array, z: Array, decay: float, a: float, b: float"
ZERO = "zero = y.dtype.type(0)"


def text_of(inside: str, before: str = ZERO, arguments: str = ARGUMENTS) -> str:
    """Return the text of a module with one loop: its `def` is line 5, `before` begins at line 6."""
    lines = [f"def loop({arguments}) -> None:"]
    lines += [f"    {line}" for line in before.splitlines()]
    lines += ["    for i in range(y.size):", *(f"        {line}" for line in inside.splitlines())]
    return "\n".join(["import numpy as np", "", "from mnistnn.types import Array", "", *lines, ""])


@pytest.fixture
def imported(monkeypatch, tmp_path) -> Callable[..., Any]:
    """Return a function that writes a text into a file of its own and imports it as a module."""
    monkeypatch.syspath_prepend(tmp_path)

    def imported(text: str) -> Any:
        name = f"own_loops_{next(_count)}"
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return imported


_count = itertools.count()

# What a loop does before it begins, and for each i.
TRANSLATED = {
    "elements": (ZERO, "y[i] = x[i]"),
    "order of operations": (ZERO, "y[i] = x[i] - (z[i] - a) - b * (x[i] / z[i] / a) + a * b * x[i]"),
    "element read after it was assigned": (ZERO, "y[i] = y[i] * a\nx[i] += y[i]\ny[i] /= x[i]"),
    "augmented assignments": (ZERO, "g = x[i]\ng += a\ng -= z[i] * b\ng *= x[i] + a\ng /= z[i] - b\ny[i] -= g"),
    "names assigned again": ("c = a + b\nc = c * a", "g = x[i]\ng = g * g\ng = g - c\ny[i] = g"),
    "several names at once": ("c, d = a * b, b", "g, h = x[i] * c, z[i] * d\ny[i] = g - h"),
    "negatives": (ZERO, "y[i] = -x[i] - -a * -(z[i] - x[i])"),
    "functions": (ZERO, "y[i] = np.sqrt(x[i]) + np.abs(z[i]) * np.sqrt(np.abs(x[i] - z[i]))"),
    "constants": (
        "tenth, large = y.dtype.type(0.1), z.dtype.type(1e30)\nminus = x.dtype.type(-3)",
        "y[i] = x[i] * tenth - large / minus",
    ),
    "comparisons": (
        "one, two = y.dtype.type(1), y.dtype.type(2)",
        "\n".join(
            f"y[i] = y[i] * two + (one if x[i] {sign} z[i] else a)" for sign in ("<", "<=", ">", ">=", "==", "!=")
        ),
    ),
    "choices in each other": (
        ZERO,
        "y[i] = (x[i] if x[i] < z[i] else a if z[i] > b else zero) * (a if (b if x[i] < a else z[i]) < z[i] else b)",
    ),
    "scalar that is 0": (ZERO, "g = x[i] + y[i] * decay if decay else x[i]\ny[i] = g * (z[i] if decay else a)"),
    "words of C++": ("new, double = a, b", "n, numbers = x[i] * new, z[i] * double\ny[i] = n - numbers"),
    "docstring": ('"""Say what it does."""', "y[i] = x[i] * a"),
}


def expression(rng: np.random.Generator, depth: int) -> str:
    """Return a random number of the loops' language."""
    if depth == 0:
        return str(rng.choice(["x[i]", "y[i]", "z[i]", "a", "b", "g", "zero"]))
    parts = [expression(rng, depth - 1) for _ in range(4)]
    shapes = ["({0} + {1})", "({0} - {1})", "({0} * {1})", "{0} * {1}", "({0} / {1})", "(-{0})", "np.sqrt({0})"]
    shapes += ["np.abs({0})", "({0} if {1} < {2} else {3})", "({0} if {1} != {2} else {3})", "{0} - {1}", "{0} + {1}"]
    return str(rng.choice(shapes)).format(*parts)


def random_body(seed: int) -> str:
    rng = np.random.default_rng(seed)
    targets = ["g", "x[i]", "y[i]", "z[i]"]
    lines = [f"{rng.choice(targets)} {rng.choice(['=', '+=', '-=', '*='])} {expression(rng, 3)}" for _ in range(5)]
    return "\n".join(["g = x[i]", *lines])


BODIES = TRANSLATED | {f"random {seed}": (ZERO, random_body(seed)) for seed in range(30)}


def values(dtype: str) -> list[np.ndarray]:
    """Return y, x, z: numbers of all sizes, zeros of both signs, equal numbers, infinity and NaN among them."""
    rng = np.random.default_rng(7)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).tiny / 4, np.finfo(dtype).max])
    arrays = [rng.normal(size=400) * 10.0 ** rng.integers(-6, 7, 400) for _ in range(3)]
    for array in arrays:
        array[:100] = rng.choice(special, 100)
        array[100:150] = np.rint(rng.normal(size=50))
    return [array.astype(dtype) for array in arrays]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernel_gives_the_bits_of_the_loop(imported, tmp_path, dtype):
    if on_host.COMPILER is None:
        pytest.skip("no C++ compiler")
    real, loops = np.dtype(dtype).type, {}
    for case, (before, inside) in BODIES.items():
        loops[case] = imported(text_of(inside, before)).loop
    kernels = {case: kernel_of(loop, f"own_{place}", ["decay"]) for place, (case, loop) in enumerate(loops.items())}
    library = on_host.build(list(kernels.values()), dtype, tmp_path)
    for case, loop in loops.items():
        expected, found = values(dtype), values(dtype)
        with np.errstate(all="ignore"):
            loop(*expected, real(0), real(0.7), real(-1.3))
        numbers = np.array([0.7, -1.3], dtype)
        on_host.Launcher(library, kernels[case].name, dtype)(None, None, [found[0].size, *found, numbers])
        for one, other in zip(found, expected, strict=True):
            is_number = ~np.isnan(other)
            np.testing.assert_array_equal(np.isnan(one), ~is_number, err_msg=case)
            assert one[is_number].tobytes() == other[is_number].tobytes(), case


def test_kernel_takes_the_arrays_and_one_array_of_the_scalars_that_are_not_0(imported):
    loop = imported(text_of("y[i] = x[i] * b")).loop
    parameters = kernel_of(loop, "own", ["decay"]).source.partition("(size_t n, ")[2].partition(")")[0]
    assert parameters == "Real* y_, const Real* x_, const Real* z_, const Real* numbers"


def test_index_may_have_any_name(imported):
    text = text_of("y[i] = x[i] * a")
    renamed = text.replace("for i in", "for place in").replace("[i]", "[place]")
    sources = [kernel_of(imported(each).loop, "own", ["decay"]).source for each in (text, renamed)]
    assert sources[0] == sources[1]


UNSUPPORTED_EXPRESSIONS = [
    "x[i] ** a",
    "x[i] // a",
    "x[i] % a",
    "x[i] @ a",
    "+x[i]",
    "not x[i]",
    "x[i] and a",
    "x[i] < a",
    "np.exp(x[i])",
    "np.maximum(x[i], a)",
    "np.sqrt(x[i], out=a)",
    "abs(x[i])",
    "x[i].item()",
    "x",
    "x[0]",
    "x[i + 1]",
    "x[a]",
    "a[i]",
    "x.size",
    "i",
    "unknown",
    "np.float32(1)",
    "(g := x[i])",
    "decay",
    "1.0",
    "True",
    "a if a else b",
    "a if zero < a < b else b",
    "a if a in b else b",
    "a if a < b and a < b else b",
    "a if x else b",
    "y.dtype.type(a)",
    "y.dtype.type(True)",
    "y.dtype.type('1')",
    "y.dtype.type(1e999)",
    "a.dtype.type(1)",
]
# The part of the expression that the message shows, if not all of it.
AT_FAULT = {
    "a if a else b": "a",
    "a if zero < a < b else b": "zero < a < b",
    "a if a in b else b": "a in b",
    "a if a < b and a < b else b": "a < b and a < b",
    "a if x else b": "x",
    "y.dtype.type(a)": "a",
    "y.dtype.type(True)": "True",
    "y.dtype.type('1')": "'1'",
    "y.dtype.type(1e999)": "1e309",
}
# Arguments; what a loop does before it begins, and for each i; the line at fault; what stands there.
UNSUPPORTED_LOOPS = {
    "element of no array": (ARGUMENTS, ZERO, "a[i] = x[i]", 8, "a[i]"),
    "neighbour assigned": (ARGUMENTS, ZERO, "y[i + 1] = x[i]", 8, "y[i + 1]"),
    "array assigned": (ARGUMENTS, ZERO, "y = x[i]", 8, "y"),
    "index assigned": (ARGUMENTS, ZERO, "i = x[i]", 8, "i"),
    "scalar assigned": (ARGUMENTS, ZERO, "a = x[i]", 8, "a"),
    "scalar that is 0 assigned": (ARGUMENTS, ZERO, "decay = x[i]", 8, "decay"),
    "sum over i": (ARGUMENTS, ZERO, "zero += x[i]", 8, "zero"),
    "number of the i before": (ARGUMENTS, ZERO, "y[i] = g\ng = x[i]", 8, "g"),
    "unknown name changed": (ARGUMENTS, ZERO, "y[i] = a\ng += x[i]", 9, "g"),
    "attribute": (ARGUMENTS, ZERO, "y.flags = a", 8, "y.flags"),
    "power in place": (ARGUMENTS, ZERO, "y[i] **= a", 8, "y[i] **= a"),
    "two targets": (ARGUMENTS, ZERO, "y[i] = x[i] = a", 8, "y[i] = x[i] = a"),
    "exchange": (ARGUMENTS, ZERO, "g, h = a, b\ng, h = h, g", 9, "g, h = (h, g)"),
    "elements at once": (ARGUMENTS, ZERO, "y[i], x[i] = a, b", 8, "y[i], x[i] = (a, b)"),
    "unpacking": (ARGUMENTS, ZERO, "g, h = x[i]", 8, "(g, h)"),
    "annotation": (ARGUMENTS, ZERO, "g: float = a", 8, "g: float = a"),
    "jump": (ARGUMENTS, ZERO, "if x[i] < a:\n    y[i] = a", 8, "if x[i] < a:"),
    "jump out": (ARGUMENTS, ZERO, "y[i] = a\nbreak", 9, "break"),
    "loop inside": (ARGUMENTS, ZERO, "for j in range(x.size):\n    y[i] = a", 8, "for j in range(x.size):"),
    "call": (ARGUMENTS, ZERO, "print(a)", 8, "print(a)"),
    "element before the loop": (ARGUMENTS, "c = x[i]", "y[i] = c", 6, "x[i]"),
    "jump before the loop": (ARGUMENTS, "if a < b:\n    c = a", "y[i] = a", 6, "if a < b:"),
    "index with the name of a number": (ARGUMENTS, "i = a", "y[i] = a", 7, "for i in range(y.size):"),
    "unknown kind of argument": ("y: Array, a: int", ZERO, "y[i] = a", 5, "a: int"),
    "argument of no kind": ("y: Array, a", ZERO, "y[i] = a", 5, "a"),
    "argument by name only": ("y: Array, *, a: float", ZERO, "y[i] = a", 5, "a: float"),
    "all other arguments": ("y: Array, *others: float", ZERO, "y[i] = zero", 5, "others: float"),
    "more scalars than a kernel takes": (
        ", ".join(["y: Array", *(f"a{place}: float" for place in range(Numbers.most + 1))]),
        ZERO,
        "y[i] = a0",
        5,
        f"a{Numbers.most}: float",
    ),
}


def assert_refused(module: Any, line: int, construct: str) -> None:
    with pytest.raises(UnsupportedLoopError) as refused:
        kernel_of(module.loop, "own", ["decay"])
    message = str(refused.value)
    assert message.startswith(f"{module.__file__}:{line}: loop loop: `{construct}`: "), message


@pytest.mark.parametrize("number", UNSUPPORTED_EXPRESSIONS)
def test_unsupported_expression_is_refused_at_its_line(imported, number):
    construct = AT_FAULT.get(number, ast.unparse(ast.parse(number, mode="eval")))
    assert_refused(imported(text_of(f"g = x[i]\ny[i] = g + (\n{number})")), 10, construct)


@pytest.mark.parametrize(
    ("arguments", "before", "inside", "line", "construct"), UNSUPPORTED_LOOPS.values(), ids=UNSUPPORTED_LOOPS
)
def test_unsupported_statement_or_argument_is_refused_at_its_line(imported, arguments, before, inside, line, construct):
    assert_refused(imported(text_of(inside, before, arguments)), line, construct)


@pytest.mark.parametrize(
    "last",
    [
        "for i in range(a):",
        "for i in range(1, y.size):",
        "for i in y:",
        "for i, j in range(y.size):",
        "while a < b:",
    ],
)
def test_function_that_ends_with_another_loop_is_refused(imported, last):
    assert_refused(imported(text_of("y[i] = a").replace("for i in range(y.size):", last)), 7, last)


@pytest.mark.parametrize("more", ["    return y\n", "    else:\n        c = a\n"])
def test_loop_that_is_followed_by_something_is_refused(imported, more):
    assert_refused(imported(text_of("y[i] = a") + more), 7, "for i in range(y.size):")


def test_loop_whose_file_has_changed_is_refused(imported):
    module = imported(text_of("y[i] = x[i]"))
    Path(module.__file__).write_text(text_of("y[i] = z[i]"))
    with pytest.raises(UnsupportedLoopError, match="has changed since it was imported"):
        kernel_of(module.loop, "own")


def test_loop_is_read_from_an_archive(imported, monkeypatch, tmp_path):
    beside, archive = imported(text_of("y[i] = x[i]")), tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(beside.__file__, "packed_loops.py")
    monkeypatch.syspath_prepend(archive)
    packed_loop = importlib.import_module("packed_loops").loop
    assert kernel_of(packed_loop, "own", ["decay"]).source == kernel_of(beside.loop, "own", ["decay"]).source


def test_loop_without_a_source_cannot_be_read(imported):
    source = Path(imported(text_of("y[i] = x[i]")).__file__)
    py_compile.compile(str(source), str(source.with_name("compiled_loops.pyc")))
    source.unlink()
    loop = importlib.import_module("compiled_loops").loop
    with pytest.raises(OSError, match="source"):
        kernel_of(loop, "own", ["decay"])
