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
    jit.Loop(fill)(x, np.float32(1.0))
    assert x.tolist() == [1.0, 0.5, 0.25]


def test_loop_divides_by_zero_as_numpy_does():
    x = np.zeros(1)
    jit.Loop(fill)(x, 1.0)
    assert np.isinf(x[0])


def test_time_of_compiling_is_counted_unless_the_cache_has_the_loop(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(jit, "_compiling_s", [])
    counts = []
    for _ in range(2):
        jit.Loop(fill)(np.ones(1), 2.0)
        counts.append(len(jit._compiling_s))
    assert counts == [1, 1]
    assert jit.compiling_s() > 0


def test_loop_works_where_no_cache_can_be_written(monkeypatch):
    import numba

    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return original(**options)

    original = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    x = np.ones(1)
    jit.Loop(fill)(x, 2.0)
    assert x[0] == 2.0


@pytest.mark.parametrize(("value", "available"), [("0", True), ("1", False)])
def test_numbas_own_switch_decides(value, available, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", value)
    jit._can_be_imported.cache_clear()
    try:
        assert jit.is_available() == available
    finally:
        jit._can_be_imported.cache_clear()


def test_numba_that_cannot_be_imported_is_done_without(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    jit._can_be_imported.cache_clear()
    try:
        assert not jit.is_available()
    finally:
        jit._can_be_imported.cache_clear()


def test_loops_are_done_without_while_a_thread_loads_numba(monkeypatch):
    may_go_on = threading.Event()
    monkeypatch.setattr(jit, "_loading", None)
    monkeypatch.setattr(jit, "_load", may_go_on.wait)
    jit.load_ahead()
    assert not jit.is_available()
    may_go_on.set()
    jit._loading.join()  # type: ignore[union-attr] # load_ahead made it
    assert jit.is_available() == jit._can_be_imported()


def test_loading_ahead_leaves_numba_ready(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(jit, "_loading", None)
    monkeypatch.setattr(jit._first, "_compiled", None)
    jit.load_ahead()
    jit._loading.join()  # type: ignore[union-attr] # load_ahead made it
    assert jit._first._compiled is not None
