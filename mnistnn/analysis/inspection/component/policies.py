"""What is claimed of a stopping policy: that it is a function of the history, and comes to an end."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from mnistnn.analysis.inspection.component.findings import Claim, LeftOut, Measured
from mnistnn.stopping.contract import Policy

_LONG = 300
_NO_LONGER_BETTER = [0.9, *[0.5] * _LONG]
_HISTORIES: dict[str, list[float]] = {
    "that stays": _NO_LONGER_BETTER,
    "that grows better": [0.9 * 0.97**i for i in range(60)],
    "that grows worse": [0.3 + 0.005 * i for i in range(60)],
    "that goes up and down": [0.5 + 0.2 * (-1) ** i / (1 + i) for i in range(60)],
}

Make = Callable[[], Policy]


def claims(make: Make) -> Iterator[Claim]:
    """Yield what is claimed of the policies that `make` makes."""
    tests = _Tests(make)
    yield Claim("Asked twice about the same history, it says the same", tests.is_pure)
    yield Claim("It remembers nothing of another history", tests.remembers_nothing)
    yield Claim("It only reads the history", tests.reads)
    yield Claim("An empty history does not disturb it", tests.takes_nothing)
    yield Claim("It reads the columns that it names, and no others", tests.names_its_columns)
    yield Claim("Written as YAML and read again, it says the same", tests.serialises)
    yield Claim("A loss or error that is no number is never an improvement", tests.nan_is_no_improvement)
    yield Claim("A run that no longer improves comes to an end", tests.ends)


def history_of(values: Sequence[float]) -> list[dict[str, float]]:
    """Return a history of evaluations, 10 updates and one epoch of 40 examples apart, with these validation errors."""
    rows, best = list[dict[str, float]](), np.inf
    for epoch, value in enumerate(values, start=1):
        is_better = value < best
        best = value if is_better else best
        place = {"epoch": epoch, "updates": 10 * epoch, "examples": 40 * epoch, "passes": 2.0 * epoch}
        metrics = {"valid.error": value, "valid.loss": 2 * value, "train.loss": 3 * value, "gradient.max": value}
        gained = {"valid.gained": 10 if is_better else 0, "valid.lost": 0}
        rows.append({**place, **metrics, **gained, "learning_rate": 1.0 if is_better else 0.0})
    return rows


def answers(policy: Policy, rows: Sequence[Any]) -> list[Any]:
    """Return what a policy says at each evaluation of a history."""
    return [(policy.reason(rows[:done]), policy.deadline(rows[:done])) for done in range(1, len(rows) + 1)]


def end_of(policy: Policy, rows: Sequence[Any]) -> int | None:
    """Return the number of the evaluation at which a policy ends a run; None if it never does."""
    for done, (reason, deadline) in enumerate(answers(policy, rows), start=1):
        if reason or (deadline and rows[done - 1]["updates"] >= deadline.updates):
            return done
    return None


class _Watched(dict[str, float]):
    """A row that notes which of its columns are read."""

    def __init__(self, row: dict[str, float], read: set[str]) -> None:
        super().__init__(row)
        self._read = read

    def __getitem__(self, name: str) -> float:
        self._read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._read.add(name)
        return super().get(name, default)


class _Tests:
    """The tests of one policy."""

    def __init__(self, make: Make) -> None:
        self.make = make

    def _compared(self, one: Policy, other: Policy, first: Sequence[float] = ()) -> Measured:
        """Compare the answers of two policies, of which the second has been asked about another history before."""
        differ = total = 0
        for values in _HISTORIES.values():
            if first:
                answers(other, history_of(first))
            rows = history_of(values)
            found = [a != b for a, b in zip(answers(one, rows), answers(other, rows), strict=True)]
            differ, total = differ + sum(found), total + len(found)
        return Measured(differ == 0, f"{differ} of {total} answers differ", "0")

    def is_pure(self) -> Measured:
        policy = self.make()
        return self._compared(policy, policy)

    def remembers_nothing(self) -> Measured:
        return self._compared(self.make(), self.make(), first=[0.9, 0.8, 0.7, 0.7, 0.01])

    def reads(self) -> Measured:
        policy = self.make()
        for values in _HISTORIES.values():
            rows = history_of(values)
            before = deepcopy(rows)
            for done in range(1, len(rows) + 1):
                policy.reason(rows[:done])
                policy.deadline(rows[:done])
            if rows != before:
                return Measured(False, "it writes to it", "reading")
        return Measured(True, f"{len(_HISTORIES)} histories are as they were")

    def takes_nothing(self) -> Measured:
        policy = self.make()
        said = policy.reason([]), policy.time_limit_s(), policy.evaluation_interval()
        policy.deadline([])
        return Measured(said[0] is None, f"reason: {said[0]}", "None")

    def names_its_columns(self) -> Measured:
        policy, read = self.make(), set[str]()
        for values in _HISTORIES.values():
            answers(policy, [_Watched(row, read) for row in history_of(values)])
        unnamed = read - {"epoch", "updates", "examples", "train.loss", "learning_rate", *policy.metrics()}
        said = ", ".join(sorted(unnamed)) or ", ".join(sorted(read)) or "none"
        return Measured(not unnamed, f"not named: {said}" if unnamed else said, ", ".join(policy.metrics()) or "none")

    def serialises(self) -> Measured:
        policy = self.make()
        adapter: TypeAdapter[Policy] = TypeAdapter(type(policy))
        again = adapter.validate_json(adapter.dump_json(policy))
        return self._compared(policy, again)

    def nan_is_no_improvement(self) -> Measured:
        stays, no_number = (history_of([0.6, *[value] * 100]) for value in (0.6, np.nan))
        ends = end_of(self.make(), stays), end_of(self.make(), no_number)
        said = ["never" if end is None else f"at evaluation {end}" for end in ends]
        earlier = ends[0] is None or (ends[1] is not None and ends[1] <= ends[0])
        return Measured(earlier, f"ends {said[1]}", f"{said[0]}, or before")

    def ends(self) -> Measured:
        policy = self.make()
        if (limit := policy.time_limit_s()) is not None:
            return Measured(True, f"after {limit:g} s")
        if (end := end_of(policy, history_of(_NO_LONGER_BETTER))) is None:
            raise LeftOut(
                f"not within {_LONG} evaluations: a run with it needs another policy, such as max_epochs, too"
            )
        return Measured(True, f"at evaluation {end}")
