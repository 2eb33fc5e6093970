"""Rows of a Gram matrix, as members come and go."""

from typing import Any

import numpy as np
import pytest

from mnistnn.kernels import gram_rows
from mnistnn.kernels.gram_rows import WholeRows

N, ENOUGH = 50, 100_000
CHANGES: tuple[Any, ...] = ([3, 7, 1], [7, 40, 3, 12], [5], [], [5, 49, 0, 3, 21], [0, 3], range(0, 50, 2))
X = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
K = X @ X.T
each_kind = pytest.mark.parametrize("kind", ["whole", "members"])


class Counted:
    """A linear kernel that counts the numbers it computes."""

    numbers = 0

    def __call__(self, u: Any, v: Any, out: Any) -> None:
        self.numbers += out.size
        np.matmul(u, v.T, out=out)


def made(kind: str, gram: Any, numbers: int = ENOUGH) -> Any:
    rows = WholeRows(X, gram, numbers)
    return rows if kind == "whole" else rows.with_more_room()


def nothing() -> None:
    pass


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(gram_rows, "_BLOCK", 4)
    monkeypatch.setattr(gram_rows, "_COLUMNS", 13)


@each_kind
def test_members_are_those_that_are_wanted_and_know_each_other(kind):
    rows = made(kind, Counted())
    for wanted in CHANGES:
        rows.change_to(np.array(wanted, dtype=np.int64), nothing)
        m = len(rows.members)
        assert sorted(rows.members) == sorted(wanted)
        np.testing.assert_allclose(rows.among_members()[:m, :m], K[np.ix_(rows.members, rows.members)], rtol=1e-5)


@each_kind
def test_only_new_members_are_computed(kind):
    gram = Counted()
    rows = made(kind, gram)
    for wanted, new in (([1, 2, 3], 3), ([2, 3, 4], 1), ([4, 3], 0), ([4, 1], 1)):
        before, computed = gram.numbers, rows.computed
        rows.change_to(np.array(wanted), nothing)
        assert rows.computed - computed == new
        assert gram.numbers - before == new * (N if kind == "whole" else len(wanted))


@each_kind
def test_residuals_follow_a_change_of_members(kind):
    rows, rng = made(kind, Counted()), np.random.default_rng(1)
    members = np.array([5, 49, 0, 3, 21, 30])
    rows.change_to(members, nothing)
    change, residual = rng.normal(size=6), rng.normal(size=N)
    change[[1, 4]] = 0
    expected = residual - K[:, rows.members].astype(np.float64) @ change
    rows.subtract_from(residual, change, nothing)
    followed = np.ones(N, dtype=bool)
    followed[members] = kind == "whole"
    np.testing.assert_allclose(residual[followed], expected[followed], rtol=1e-6)


def test_more_room_keeps_what_is_there():
    gram = Counted()
    whole = WholeRows(X, gram, ENOUGH)
    whole.change_to(np.array([9, 4, 33]), nothing)
    before, rows = gram.numbers, whole.with_more_room()
    assert rows.with_more_room() is rows
    assert gram.numbers == before
    assert (rows.members.tolist(), rows.computed) == ([9, 4, 33], 3)
    np.testing.assert_allclose(rows.among_members()[:3, :3], K[np.ix_([9, 4, 33], [9, 4, 33])], rtol=1e-5)


@pytest.mark.parametrize("numbers", [0, 10, 150, 1000, 2499, ENOUGH])
def test_numbers_in_memory_are_not_more_than_allowed(numbers):
    whole = WholeRows(X, Counted(), numbers)
    rows = whole.with_more_room()
    assert whole.most == 2 or whole.most * (N + whole.most) <= numbers
    assert rows.most == 2 or rows.most**2 <= numbers
    assert 2 <= whole.most <= rows.most <= N


def test_each_block_is_announced_so_that_it_can_be_stopped():
    def stop() -> None:
        raise KeyboardInterrupt

    for kind in ("whole", "members"):
        rows = made(kind, Counted())
        with pytest.raises(KeyboardInterrupt):
            rows.change_to(np.array([1]), stop)
        rows = made(kind, Counted())
        rows.change_to(np.array([1]), nothing)
        with pytest.raises(KeyboardInterrupt):
            rows.subtract_from(np.zeros(N), np.ones(1), stop)
