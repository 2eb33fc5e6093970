import subprocess
import sys
import threading

import numpy as np
import pytest

from mnistnn.backend import jit

pytest.importorskip("numba")


def fill(x, value):
    for i in range(x.size):
        x[i] = value / x[i]


def test_loop_computes_what_its_function_says():
    x = np.array([1.0, 2.0, 4.0], dtype="float32")
    jit.CompiledFunction(fill)(x, np.float32(1.0))
    assert x.tolist() == [1.0, 0.5, 0.25]


def test_loop_divides_by_zero_as_numpy_does():
    x = np.zeros(1)
    jit.CompiledFunction(fill)(x, 1.0)
    assert np.isinf(x[0])


def doubled(value):
    return value + value


def fill_with_doubles(x, value):
    for i in range(x.size):
        x[i] = doubled(value)


def test_loop_calls_plain_functions_that_it_names():
    x, prepared = np.zeros(2), []
    loop = jit.CompiledFunction(fill_with_doubles, calls=(doubled,), prepare=lambda: prepared.append(1))
    for _ in range(2):
        loop(x, 1.5)
    assert x.tolist() == [3.0, 3.0]
    assert prepared == [1]


def test_time_of_compiling_is_counted_for_the_run_unless_the_cache_has_the_loop(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    seconds = []
    for _ in range(2):
        compiled = jit.Compiled(wanted=False)
        with compiled.in_use():
            jit.CompiledFunction(fill)(np.ones(1), 2.0)
        seconds.append(compiled.compiling_s)
    assert seconds[0] > 0
    assert seconds[1] == 0


def test_loop_works_where_no_cache_can_be_written(monkeypatch):
    import numba

    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return original(**options)

    original = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    x = np.ones(1)
    jit.CompiledFunction(fill)(x, 2.0)
    assert x[0] == 2.0


@pytest.fixture
def asked_anew():
    """Let whether loops can be compiled be found out again, now and after the test."""
    jit.can_compile.cache_clear()
    yield
    jit.can_compile.cache_clear()


@pytest.mark.parametrize(("value", "available"), [("0", True), ("1", False)])
def test_numbas_own_switch_decides(value, available, monkeypatch, asked_anew):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", value)
    assert jit.can_compile() == available
    assert jit.Compiled(wanted=True).enabled == available


def test_numba_that_cannot_be_imported_is_done_without(monkeypatch, asked_anew):
    monkeypatch.setitem(sys.modules, "numba", None)
    assert not jit.can_compile()
    assert not jit.Compiled(wanted=True).enabled
    assert not jit.is_available()


@pytest.mark.parametrize("wanted", [False, True])
def test_choice_is_that_of_the_context(wanted):
    with jit.Compiled(wanted=not wanted).in_use():
        with jit.Compiled(wanted).in_use():
            assert jit.is_available() == wanted
        assert jit.is_available() != wanted


def test_who_asks_while_numba_is_imported_waits(monkeypatch):
    may_go_on = threading.Event()
    monkeypatch.setattr(jit, "can_compile", lambda: may_go_on.wait(10))
    compiled, answers = jit.Compiled(wanted=True), list[bool]()
    asking = threading.Thread(target=lambda: answers.append(compiled.enabled))
    asking.start()
    asking.join(0.05)
    assert not answers
    may_go_on.set()
    asking.join(10)
    assert answers == [True]


def test_error_of_an_import_is_told_to_who_asks(monkeypatch):
    def fail():
        raise SystemError("numba and numpy do not fit")

    monkeypatch.setattr(jit, "can_compile", fail)
    with pytest.raises(SystemError, match="do not fit"):
        _ = jit.Compiled(wanted=True).enabled


def test_wanting_loops_starts_numba(monkeypatch):
    monkeypatch.setattr(jit._first, "_compiled", None)
    jit.Compiled(wanted=True)
    for thread in threading.enumerate():
        if thread.name.startswith("mnistnn-numba"):
            thread.join(30)
    assert jit._first._compiled is not None


def test_numba_is_imported_for_nobody_who_does_not_want_it():
    text = """
import sys
from mnistnn.backend import jit
with jit.Compiled(wanted=False).in_use():
    assert not jit.is_available()
assert not jit.is_available()
assert "numba" not in sys.modules
import numba
assert jit.is_available()
"""
    subprocess.run([sys.executable, "-c", text], check=True)
