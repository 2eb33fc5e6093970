import sys
import threading

import numpy as np
import pytest

from mnistnn import compiled

pytest.importorskip("numba")


def fill(x, value):
    for i in range(x.size):
        x[i] = value / x[i]


def test_loop_computes_what_its_function_says():
    x = np.array([1.0, 2.0, 4.0], dtype="float32")
    compiled.Loop(fill)(x, np.float32(1.0))
    assert x.tolist() == [1.0, 0.5, 0.25]


def test_loop_divides_by_zero_as_numpy_does():
    x = np.zeros(1)
    compiled.Loop(fill)(x, 1.0)
    assert np.isinf(x[0])


def test_time_of_compiling_is_counted_unless_the_cache_has_the_loop(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled, "_compiling_s", [])
    counts = []
    for _ in range(2):
        compiled.Loop(fill)(np.ones(1), 2.0)
        counts.append(len(compiled._compiling_s))
    assert counts == [1, 1]
    assert compiled.compiling_s() > 0


def test_loop_works_where_no_cache_can_be_written(monkeypatch):
    import numba

    def njit(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return original(**options)

    original = numba.njit
    monkeypatch.setattr(numba, "njit", njit)
    x = np.ones(1)
    compiled.Loop(fill)(x, 2.0)
    assert x[0] == 2.0


@pytest.mark.parametrize(("value", "available"), [("0", True), ("1", False)])
def test_numbas_own_switch_decides(value, available, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", value)
    compiled._can_be_imported.cache_clear()
    try:
        assert compiled.is_available() == available
    finally:
        compiled._can_be_imported.cache_clear()


def test_numba_that_cannot_be_imported_is_done_without(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    compiled._can_be_imported.cache_clear()
    try:
        assert not compiled.is_available()
    finally:
        compiled._can_be_imported.cache_clear()


def test_loops_are_done_without_while_a_thread_loads_numba(monkeypatch):
    may_go_on = threading.Event()
    monkeypatch.setattr(compiled, "_loading", None)
    monkeypatch.setattr(compiled, "_load", may_go_on.wait)
    compiled.load_ahead()
    assert not compiled.is_available()
    may_go_on.set()
    compiled._loading.join()  # type: ignore[union-attr] # load_ahead made it
    assert compiled.is_available() == compiled._can_be_imported()


def test_loading_ahead_leaves_numba_ready(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(compiled, "_loading", None)
    monkeypatch.setattr(compiled._first, "_compiled", None)
    compiled.load_ahead()
    compiled._loading.join()  # type: ignore[union-attr] # load_ahead made it
    assert compiled._first._compiled is not None
