"""What is claimed of a fitted model: rounds, scores, and that it is what its arrays are."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mnistnn.analysis.inspection.component.findings import Claim, LeftOut, Measured, same_bits
from mnistnn.analysis.inspection.component.kept import through_a_file
from mnistnn.models.contract import Fitted
from mnistnn.types import ShapeError

_SHAPE, _CLASSES, _EXAMPLES = (4, 3), 3, 60
_SEED = 5

Make = Callable[[], Fitted]
Arrays = dict[str, np.ndarray]


def claims(make: Make) -> Iterator[Claim]:
    """Yield what is claimed of the fitted models that `make` makes."""
    tests = _Tests(make)
    yield Claim("Fitting it counts its rounds: 1, 2, … to their number", tests.counts)
    yield Claim("Fitting only reads images and labels", tests.reads)
    yield Claim("After each round it has a finite score of each class, in float32", lambda: tests.scored("float32"))
    yield Claim("After each round it has a finite score of each class, in float64", lambda: tests.scored("float64"))
    yield Claim("It learns: it errs less often than who guesses", tests.learns)
    yield Claim("The scores of an example do not depend on the examples beside it", tests.singly)
    yield Claim("Fitted twice to the same examples, it is the same", tests.is_deterministic)
    yield Claim("Saved and restored after any round, it has the same scores", tests.restored)
    yield Claim("Stopped after any round and resumed, it ends with the same bits", tests.resumed)
    yield Claim("When later rounds are forgotten, it is what it was before them", tests.keeps_rounds)
    yield Claim("Where it is allocated again, it begins anew", tests.begins_anew)
    yield Claim("Arrays of another shape are refused, and its own stay", tests.refuses_others)


def _examples(dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    """Return examples of classes that hardly overlap, and labels."""
    rng, labels = np.random.default_rng(6), np.arange(_EXAMPLES) % _CLASSES
    means = np.random.default_rng(_SEED).normal(size=(_CLASSES, *_SHAPE))
    return (means[labels] + 0.3 * rng.normal(size=(_EXAMPLES, *_SHAPE))).astype(dtype), labels


class _Tests:
    """The tests of one model, on a few examples of three classes."""

    def __init__(self, make: Make) -> None:
        self.make = make
        self._whole: Fitted | None = None

    def _allocated(self, dtype: str = "float64") -> Fitted:
        model: Any = self.make()
        model.build(_SHAPE, _CLASSES)
        model.draw_from(_SEED)
        model.find_references_by(lambda: bytes(range(32)), lambda: _examples(dtype))
        model.allocate(np, dtype)
        return model  # type: ignore[no-any-return]

    def _fit(self, model: Fitted, rounds: int | None = None, dtype: str = "float64") -> Fitted:
        """Fit a model as far as so many rounds, or to its end; return it."""
        fitting = model.fit(*_examples(dtype), lambda *_: None)
        while model.rounds_done < (model.rounds if rounds is None else rounds):
            next(fitting)
        return model

    def _fitted(self) -> Fitted:
        """Return a model that is fitted, which nobody may change."""
        if self._whole is None:
            self._whole = self._fit(self._allocated())
        return self._whole

    def counts(self) -> Measured:
        model = self._allocated()
        before, counted = model.rounds_done, list(model.fit(*_examples(), lambda *_: None))
        more = list(model.fit(*_examples(), lambda *_: None))
        expected = list(range(1, model.rounds + 1))
        right = before == 0 and counted == expected and model.rounds_done == model.rounds and not more
        return Measured(right, f"{counted}, then {more}"[:200], f"{expected}, then []"[:200])

    def reads(self) -> Measured:
        model, (x, labels) = self._allocated(), _examples()
        before = x.copy(), labels.copy()
        for array in (x, labels):
            array.setflags(write=False)
        try:
            list(model.fit(x, labels, lambda *_: None))
            model.scores(x)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            return Measured(False, "it writes to them", "reading")
        return same_bits([(x, before[0]), (labels, before[1])])

    def scored(self, dtype: str) -> Measured:
        model, (x, labels) = self._allocated(dtype), _examples(dtype)
        for done in model.fit(x, labels, lambda *_: None):
            scores = model.scores(x)
            found = f"round {done}: {scores.shape}, {scores.dtype}, {int((~np.isfinite(scores)).sum())} not finite"
            if scores.shape != (_EXAMPLES, _CLASSES) or scores.dtype != dtype or not np.isfinite(scores).all():
                return Measured(False, found, f"({_EXAMPLES}, {_CLASSES}), {dtype}")
        return Measured(True, f"{model.rounds_done} rounds", f"({_EXAMPLES}, {_CLASSES}), {dtype}")

    def learns(self) -> Measured:
        model, (x, labels) = self._fitted(), _examples()
        errors = model.criterion.score(model.scores(x), labels).errors
        guessing = 1.0 - 1.0 / _CLASSES
        return Measured(errors < round(guessing * _EXAMPLES), f"{errors / _EXAMPLES:.1%} errors", f"{guessing:.1%}")

    def singly(self) -> Measured:
        model, (x, _) = self._fitted(), _examples()
        whole = model.scores(x).copy()
        alone = np.concatenate([model.scores(x[i : i + 1]).copy() for i in range(len(x))])
        error = float(np.abs(whole - alone).max()) / max(float(np.abs(whole).max()), 1e-300)
        return Measured(error <= 1e-12, f"alone or with others: error {error:.1e}", "1e-12")

    def is_deterministic(self) -> Measured:
        return _same_arrays(self._fit(self._allocated()), self._fitted())

    def restored(self) -> Measured:
        x, _ = _examples()
        pairs = []
        for rounds in range(1, self._fitted().rounds_done + 1):
            before, after = self._fit(self._allocated(), rounds), self._allocated()
            after.restore(through_a_file(before.arrays()))
            if after.rounds_done != rounds:
                return Measured(False, f"{after.rounds_done} rounds done", str(rounds))
            pairs.append((np.array(after.scores(x)), np.array(before.scores(x))))
        return same_bits(pairs, "scores")

    def resumed(self) -> Measured:
        whole = self._fitted()
        measured = Measured(True, "no rounds")
        for rounds in range(whole.rounds_done):
            before, after = self._fit(self._allocated(), rounds), self._allocated()
            after.restore(through_a_file(before.arrays()))
            measured = _same_arrays(self._fit(after), whole)
            if not measured.holds:
                return Measured(False, f"after round {rounds}: {measured.found}", measured.allowed)
        return measured

    def keeps_rounds(self) -> Measured:
        measured = Measured(True, "no rounds")
        for rounds in range(1, self._fitted().rounds_done + 1):
            model = self._fit(self._allocated())
            model.keep_rounds(rounds)
            measured = _same_arrays(model, self._fit(self._allocated(), rounds))
            if not measured.holds:
                break
        return measured

    def begins_anew(self) -> Measured:
        model = self._fit(self._allocated())
        model.allocate(np, "float64")
        left = [name for name, array in model.arrays().items() if array.size]
        if model.rounds_done or left:
            return Measured(False, f"{model.rounds_done} rounds, arrays {', '.join(left)}", "nothing")
        return _same_arrays(self._fit(model), self._fitted())

    def refuses_others(self) -> Measured:
        model, (x, _) = self._fit(self._allocated()), _examples()
        arrays = {name: np.array(array) for name, array in model.arrays().items()}
        scores = np.array(model.scores(x))
        if not arrays:
            raise LeftOut("it has no arrays")
        for name, array in arrays.items():
            try:
                model.restore({**arrays, name: np.concatenate([array, array])})
            except ShapeError:
                continue
            return Measured(False, f"{name}, twice as long, is taken", "a refusal")
        return same_bits([(np.array(model.scores(x)), scores)], "scores")


def _same_arrays(found: Fitted, expected: Fitted) -> Measured:
    """Compare all that two models consist of."""
    one, other = found.arrays(), expected.arrays()
    if one.keys() != other.keys():
        return Measured(False, f"arrays {', '.join(one)}", ", ".join(other))
    return same_bits((np.asarray(one[name]), np.asarray(other[name])) for name in other)
