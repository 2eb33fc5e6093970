"""Products that are handed over in compiled code: the bits of those that are not, whoever multiplies."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mnistnn.backend import handover, jit, pieces, threads
from mnistnn.backend.handover import Handover, addresses_of_blas

pytest.importorskip("numba")
X = np.empty(0)


@pytest.fixture(autouse=True)
def loops():
    """Compile loops, as in a run that wants them; leave no thread behind."""
    before = threading.active_count()
    compiled = jit.Compiled(wanted=True)
    if not compiled.enabled:
        pytest.skip("NUMBA_DISABLE_JIT")
    if not addresses_of_blas():
        pytest.skip("NumPy's BLAS has functions of other names")
    with compiled.in_use():
        yield
    for _ in range(100):  # the one that started Numba ends by itself
        if threading.active_count() <= before:
            return
        time.sleep(0.01)
    assert threading.active_count() <= before


@pytest.fixture
def small(monkeypatch):
    """Let small products be cut."""
    monkeypatch.setattr(pieces, "CUT_FROM", (500, 5_000, 50_000))
    monkeypatch.setattr(pieces, "_GRAIN", 4)
    pieces.of_product.cache_clear()
    yield
    pieces.of_product.cache_clear()


def laid_out(rng: np.random.Generator, shape: tuple[int, int], order: str, dtype: str) -> np.ndarray:
    """Return a matrix row by row (C), column by column (F), or as a part of one that is larger (P)."""
    rows, columns = shape
    if order == "P":
        whole: np.ndarray = rng.normal(size=(rows + 3, columns + 5)).astype(dtype)
        return whole[2 : rows + 2, 1 : columns + 1]
    return np.asarray(rng.normal(size=shape).astype(dtype), order="C" if order == "C" else "F")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("of_out", ["C", "F", "P"])
@pytest.mark.parametrize("of_b", ["C", "F", "P"])
@pytest.mark.parametrize("of_a", ["C", "F", "P"])
def test_product_has_the_bits_of_pieces_multiplied_by_numpy(small, of_a, of_b, of_out, dtype):
    rng = np.random.default_rng(0)
    for m, k, n in ((20, 7, 33), (33, 7, 20), (64, 30, 64), (130, 2, 9)):
        a, b = laid_out(rng, (m, k), of_a, dtype), laid_out(rng, (k, n), of_b, dtype)
        expected, found = (laid_out(rng, (m, n), of_out, dtype) for _ in range(2))
        with threads.allowed(1):
            threads.matmul(a, b, out=expected)
        with threads.allowed(3) as workers:
            threads.matmul(a, b, out=found)
            assert workers.handover is not None
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(found, a.astype(float) @ b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("of_b", ["C", "F", "P"])
@pytest.mark.parametrize("of_a", ["C", "F", "P"])
def test_product_within_compiled_code_has_the_bits_of_numpy(of_a, of_b, dtype):
    from mnistnn.backend.handover_loops import multiply

    rng = np.random.default_rng(0)
    for m, k, n in ((20, 784, 10), (784, 20, 10), (2, 3, 2), (130, 2, 9)):
        a, b = laid_out(rng, (m, k), of_a, dtype), laid_out(rng, (k, n), of_b, dtype)
        found = np.empty((m, n), dtype)
        with threads.allowed(1):
            multiply(addresses_of_blas()[found.dtype.char], a, b, found)
            np.testing.assert_array_equal(found, a @ b)


@pytest.mark.parametrize("most", [2, 3, 5])
def test_products_and_work_in_python_by_turns_lose_nothing(small, most):
    rng, choice = np.random.default_rng(1), random.Random(1)
    cases = []
    for m, k, n in ((20, 8, 40), (40, 30, 20), (66, 9, 66)):
        a, b, expected = rng.normal(size=(m, k)), rng.normal(size=(k, n)), np.empty((m, n))
        with threads.allowed(1):
            threads.matmul(a, b, out=expected)
        cases.append((a, b, expected))
    with threads.allowed(most) as workers:
        for _ in range(600):
            workers.taking_part = choice.randint(1, most)
            a, b, expected = choice.choice(cases)
            found, done = np.full_like(expected, np.nan), list[int]()
            if choice.random() < 0.3:

                def work(piece: int, worker: int, done: list[int] = done) -> None:
                    done.append(piece)

                threads.spread(work, range(6), X)
                assert sorted(done) == list(range(6))
            if choice.random() < 0.02:
                time.sleep(0.001)  # helpers fall asleep
            threads.matmul(a, b, out=found)
            np.testing.assert_array_equal(found, expected)


def test_helper_without_a_core_is_not_waited_for(small, monkeypatch):
    """The helpers never look: the caller multiplies all pieces."""
    monkeypatch.setattr(Handover, "wait", lambda self, worker, seen: seen)
    a, b, found = np.ones((40, 30)), np.ones((30, 60)), np.empty((40, 60))
    with threads.allowed(3):
        threads.matmul(a, b, out=found)
    assert (found == 30).all()


def test_product_inside_of_a_piece_is_multiplied_by_who_does_the_piece(small):
    a, b, found = np.ones((40, 30)), np.ones((30, 60)), np.empty((4, 40, 60))
    with threads.allowed(3):
        threads.matmul(a, b, out=found[0])  # so that there is a hand-over
        found[...] = np.nan
        threads.spread(lambda piece, _: threads.matmul(a, b, out=found[piece]), range(4), X)
    assert (found == 30).all()


@pytest.mark.parametrize(
    ("a", "b", "out"),
    [
        (np.ones((40, 30), int), np.ones((30, 60), int), np.empty((40, 60), int)),
        (np.ones((40, 30), "float32"), np.ones((30, 60)), np.empty((40, 60))),
        (np.ones((40, 60))[:, ::2], np.ones((30, 60)), np.empty((40, 60))),
        (np.ones((40, 30)), np.ones((30, 60)), np.empty((40, 120))[:, ::2]),
        (np.ones((40, 30))[::-1], np.ones((30, 60)), np.empty((40, 60))),
        (np.ones((40, 30)), np.ones((30, 60))[:, ::-1], np.empty((40, 60))),
        (np.broadcast_to(np.ones(30), (40, 30)), np.ones((30, 60)), np.empty((40, 60))),
        (np.lib.stride_tricks.sliding_window_view(np.ones(69), 30), np.ones((30, 60)), np.empty((40, 60))),
    ],
    ids=[
        *("integers", "two dtypes", "every other column", "into every other column", "rows from below"),
        *("columns from behind", "one row again and again", "rows within each other"),
    ],
)
def test_what_blas_cannot_read_as_it_lies_is_left_to_numpy(small, monkeypatch, a, b, out):
    def refuse(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Handover, "multiply", refuse)
    with threads.allowed(3):
        threads.matmul(a, b, out=out)
    assert (out == 30).all()


@pytest.mark.parametrize("with_loops", [True, False])
def test_product_after_an_interrupt_is_whole(small, with_loops):
    """Ctrl-C in a product, or between two pieces, and the same workers again: nobody writes into what comes after."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def take_roots(_part: int, _worker: int) -> None:
        np.sqrt(np.abs(a))

    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(150, 400)), rng.normal(size=(400, 300))
    found, interrupts = np.empty((150, 300)), 0
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with jit.Compiled(wanted=with_loops).in_use(), threads.allowed(3) as workers:
            threads.matmul(a, b, out=found)
            expected = found.copy()
            for _ in range(150):
                with suppress(KeyboardInterrupt):
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-4, 3e-3))
                    while True:
                        threads.matmul(a, b, out=found)
                        workers.spread(take_roots, range(4))
                interrupts += 1
                for _ in range(2):
                    found[...] = 0
                    threads.matmul(a, b, out=found)
                    np.testing.assert_array_equal(found, expected)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupts == 150


def test_loops_work_where_no_folder_can_keep_them(tmp_path):
    """As in an installation that nobody may write to: without a folder for its cache, Numba refuses to keep a loop."""
    package = Path(handover.__file__).parents[1]
    copy = shutil.copytree(package, tmp_path / "mnistnn", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("a file, so nobody can make this folder")
    code = (
        "import numpy as np; from mnistnn.backend import handover_loops as loops;"
        "print(loops.wait(np.zeros(loops.SIZE, np.int64), 1, 0, 1), loops.__file__)"
    )
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), "/dev/null/x")
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | nowhere | {"PYTHONPATH": str(tmp_path)}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()[0]) == (0, "0"), done.stderr
    assert str(tmp_path) in done.stdout


def test_without_loops_there_is_none(small):
    a, b, found = np.ones((40, 30)), np.ones((30, 60)), np.empty((40, 60))
    with jit.Compiled(wanted=False).in_use(), threads.allowed(3) as workers:
        threads.matmul(a, b, out=found)
        assert workers.handover is None
    assert (found == 30).all()


def test_of_another_blas_nothing_is_handed_over(monkeypatch):
    monkeypatch.setattr(handover, "addresses_of_blas", dict)
    assert Handover.possible() is None


def test_helper_looks_for_about_as_long_as_it_is_to():
    looks = handover.looks_of(1e-3)
    possible = Handover.possible()
    assert possible is not None
    possible._looks = looks
    took = []
    for _ in range(5):
        began_s = time.perf_counter()
        assert possible.wait(1, 0) == 0
        took.append(time.perf_counter() - began_s)
    assert 1e-4 < min(took) < 1e-2
