"""What is claimed of a loss of a classifier: its gradient, that it is a mean over examples, and what it predicts."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mnistnn.analysis.inspection.component import allocation
from mnistnn.analysis.inspection.component.findings import (
    Claim,
    LeftOut,
    Measured,
    of_dtypes,
    of_gradient,
    same_bits,
)
from mnistnn.objectives.layer_gradients import check_scores
from mnistnn.types import ShapeError

_FITTING: tuple[tuple[int, int], ...] = ((3, 3), (1, 2), (2, 2), (10, 10))
"""Outputs and classes that are tried, in this order; the first that fit are used."""

_CLOSE = 1e-9
_STEP = 1e-6

Make = Callable[[], Any]


def claims(make: Make) -> Iterator[Claim]:
    """Yield what is claimed of the losses that `make` makes."""
    tests = _Tests(make)
    yield Claim("It takes the outputs of some model", tests.fits)
    if tests.sizes is None:
        return
    yield Claim("Its gradient is the derivative by the scores", tests.gradient)
    yield Claim("It is a mean over examples: each of them twice gives the same", tests.is_a_mean)
    yield Claim("What is summed for an evaluation is the same loss, and the errors are wrong predictions", tests.score)
    yield Claim("It predicts one class for each example", tests.predicts)
    yield Claim("Its probabilities are some: between 0 and 1, with a sum of 1", tests.probabilities)
    yield Claim("What is computed in float32 stays float32", lambda: tests.keeps("float32"))
    yield Claim("What is computed in float64 stays float64", lambda: tests.keeps("float64"))
    yield Claim("It only reads scores and labels", tests.reads)
    yield Claim("Of extreme scores, loss and gradient are finite", tests.extremes)
    yield Claim("A batch leaves no trace in the next one, which may be smaller", tests.forgets)
    yield Claim("After the first steps it takes no memory that grows with the batch", tests.allocates_nothing)
    yield Claim("Its second derivative is that of the gradient (for second-order methods)", tests.curvature)


class _Tests:
    """The tests of one loss. Extreme scores are 10,000: a softmax of them is 0 or 1."""

    def __init__(self, make: Make) -> None:
        self.make, self.sizes, self._refusals = make, None, list[str]()
        for outputs, classes in _FITTING:
            try:
                make().build((outputs,), classes)
            except ShapeError as error:
                self._refusals.append(f"{outputs} for {classes} classes: {error}")
            except Exception:  # said by the first claim
                return
            else:
                self.sizes = (outputs, classes)
                return

    def _built(self) -> Any:
        loss = self.make()
        assert self.sizes is not None
        loss.build((self.sizes[0],), self.sizes[1])
        return loss

    def _batch(self, n: int, dtype: str = "float64", seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
        assert self.sizes is not None
        rng = np.random.default_rng(seed)
        return rng.normal(size=(n, self.sizes[0])).astype(dtype), rng.integers(self.sizes[1], size=n)

    def fits(self) -> Measured:
        if self.sizes is None:
            for outputs, classes in _FITTING:
                self.make().build((outputs,), classes)  # raises what is wrong
        said = "; ".join(self._refusals) if self.sizes is None else f"{self.sizes[0]} for {self.sizes[1]} classes"
        return Measured(self.sizes is not None, said, "some outputs")

    def gradient(self) -> Measured:
        loss, rng = self._built(), np.random.default_rng(1)
        return of_gradient([check_scores(loss, *self._batch(n), rng, coordinates=None) for n in (1, 4, 3)])

    def is_a_mean(self) -> Measured:
        loss, (z, labels) = self._built(), self._batch(4)
        value, dz = loss.value_and_dz(z, labels)
        once, dz = float(value), dz.copy()
        value, both = loss.value_and_dz(np.concatenate([z, z]), np.concatenate([labels, labels]))
        error = max(_distance(float(value), once), _distance(2.0 * both[:4], dz), _distance(2.0 * both[4:], dz))
        return Measured(
            error <= _CLOSE, f"{once:.6g}, and twice {float(value):.6g}: error {error:.1e}", f"{_CLOSE:.0e}"
        )

    def score(self) -> Measured:
        loss, (z, labels) = self._built(), self._batch(20)
        mean, found = float(loss.value_and_dz(z, labels)[0]), loss.score(z, labels)
        wrong = int((loss.predict(z) != labels).sum())
        holds = found.examples == 20 and found.errors == wrong and _distance(found.loss, 20 * mean) <= _CLOSE
        said = f"sum {found.loss:.6g}, {found.errors} errors of {found.examples}"
        return Measured(holds, said, f"{20 * mean:.6g}, {wrong} of 20")

    def predicts(self) -> Measured:
        assert self.sizes is not None
        classes, (z, _) = self.sizes[1], self._batch(20)
        found = self._built().predict(z)
        right = found.shape == (20,) and bool(((found >= 0) & (found < classes)).all())
        right = right and bool((found == found.astype(int)).all())
        return Measured(
            right, f"shape {found.shape}, from {found.min()} to {found.max()}", f"(20,), 0 to {classes - 1}"
        )

    def probabilities(self) -> Measured:
        assert self.sizes is not None
        loss, (z, _) = self._built(), self._batch(20)
        found = loss.probabilities(z)
        expected = (20, self.sizes[1])
        if found.shape != expected:
            return Measured(False, f"shape {found.shape}", str(expected))
        if not loss.has_probabilities:
            raise LeftOut("it says that its outputs are no probabilities (has_probabilities)")
        off = float(np.abs(found.sum(axis=1) - 1.0).max())
        right = off <= _CLOSE and found.min() >= 0.0 and found.max() <= 1.0
        return Measured(right, f"{found.min():.2g} to {found.max():.2g}, sums off by {off:.1e}", f"{_CLOSE:.0e}")

    def keeps(self, dtype: str) -> Measured:
        loss, (z, labels) = self._built(), self._batch(4, dtype)
        value, dz = loss.value_and_dz(z, labels)
        return of_dtypes({"the loss": value, "dz": dz, "probabilities": loss.probabilities(z)}, dtype)

    def reads(self) -> Measured:
        loss, (z, labels) = self._built(), self._batch(4)
        before = z.copy(), labels.copy()
        for array in (z, labels):
            array.setflags(write=False)
        try:
            loss.value_and_dz(z, labels)
            loss.predict(z)
            loss.probabilities(z)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            return Measured(False, "it writes to them", "reading")
        return same_bits([(z, before[0]), (labels, before[1])])

    def extremes(self) -> Measured:
        assert self.sizes is not None
        outputs, classes = self.sizes
        z = 1e4 * np.sign(np.random.default_rng(3).normal(size=(16, outputs)))
        wrong = []
        for dtype in ("float32", "float64"):
            value, dz = self._built().value_and_dz(z.astype(dtype), np.arange(16) % classes)
            if not (np.isfinite(value) and np.isfinite(dz).all()):
                wrong.append(f"{dtype}: loss {float(value):.3g}, {int((~np.isfinite(dz)).sum())} of dz")
        return Measured(not wrong, "; ".join(wrong) or "all of scores of 10,000", "finite numbers")

    def forgets(self) -> Measured:
        fresh, used, (z, labels) = self._built(), self._built(), self._batch(3)
        used.value_and_dz(np.full_like(self._batch(4)[0], np.nan), self._batch(4)[1])
        pairs = [
            (np.asarray(loss_), np.asarray(dz)) for loss_, dz in (x.value_and_dz(z, labels) for x in (used, fresh))
        ]
        return same_bits(zip(*pairs, strict=True))

    def allocates_nothing(self) -> Measured:
        many, more = allocation.LARGE, allocation.TIMES * allocation.LARGE
        return allocation.of_growth(self._risen(many), self._risen(more), more - many)

    def _risen(self, n: int) -> int:
        loss, (z, labels) = self._built(), self._batch(n, "float32")
        return allocation.risen_bytes(lambda: loss.value_and_dz(z, labels))

    def curvature(self) -> Measured:
        loss, (z, labels) = self._built(), self._batch(4)
        if not loss.is_convex:
            raise LeftOut("not offered (is_convex)")
        z_dot = np.random.default_rng(4).normal(size=z.shape)
        above, below = (loss.value_and_dz(z + sign * _STEP * z_dot, labels)[1].copy() for sign in (1, -1))
        error = _distance(loss.curvature_product(z, labels, z_dot.copy()), (above - below) / (2 * _STEP))
        return Measured(error <= 1e-6, f"error {error:.1e}", "1e-06")


def _distance(found: Any, expected: Any) -> float:
    """Return the distance as a share of the sizes of both."""
    size = float(np.linalg.norm(found) + np.linalg.norm(expected))
    return float(np.linalg.norm(np.subtract(found, expected))) / size if size else 0.0
