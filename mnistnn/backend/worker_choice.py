"""How many workers take part: chosen by what updates cost with this number and with another, again and again.

What a thread brings depends on the model, the machine and what else that does, so no constant says it. No result
depends on the number. It moves along 1, 2, 4 … up to all that are allowed: about once a second some updates are done
with its neighbour, by turns with as many as now, and the cheaper of the two is kept.
"""

from collections.abc import Callable
from time import perf_counter

from mnistnn.backend.machine import free_cores
from mnistnn.backend.workers import Workers

HOLD_S, MOST_HOLD_S = 0.5, 4.0  # from one comparison to the next: the longer, the more often nothing has changed
TURN_S = 0.05  # one turn of a comparison, or one update, if that takes longer
_SHORT = 0.1  # in turns: an update so short does not count if it is the first of a turn, while caches fill anew
_PAUSE = 5.0  # the least time from one comparison to the next, in multiples of what the comparison took
_FIRST = 3  # updates with a number that do not count: threads start, loops are loaded
_BETTER = 0.97  # the ratio of costs below which the number is changed: less is noise
_MEMORY = 0.5  # the weight of what the comparison before has found, unless it is so different now
_OTHER = 1.5


class WorkerChoice:
    """Sets how many workers take part, from what it is told of each update."""

    def __init__(self, workers: Workers, now: Callable[[], float] = perf_counter) -> None:
        self.workers, self._now = workers, now
        self._levels = levels(workers.most)
        self._at = len(self._levels) - 1 - sum(level > free_cores() for level in self._levels[1:])
        self._upwards = False  # where the next neighbour is looked for
        self._costs: dict[int, float] = {}  # seconds of one unit of work, by level
        self._spent_s = 0.0  # in updates: other work in between, such as an evaluation, does not count
        self._due_s = 0.0  # the time spent at which the next comparison begins: at once
        self._comparison: _Comparison | None = None
        self._hold_s = HOLD_S
        self._first = dict.fromkeys(range(len(self._levels)), _FIRST)
        self._began_s = self._ended_s = 0.0
        self._calls = self._calls_at_begin = 0
        self._set(self._at)

    def begin(self) -> None:
        """Note that an update begins."""
        self._began_s, self._calls_at_begin = self._now(), self.workers.calls
        if self._comparison is not None and self._began_s - self._ended_s > TURN_S:
            self._comparison = None  # something else came between, and took the caches
            self._set(self._at)

    def end(self, work: int) -> None:
        """Note that it has ended: `work` is how many examples it has passed through the model."""
        self._ended_s = self._now()
        took_s = self._ended_s - self._began_s
        self._spent_s += took_s
        shared = self.workers.calls > self._calls_at_begin  # else one has done it all
        self.workers.seconds[self.workers.taking_part if shared else 1] += took_s
        if self._comparison is None:
            if self._spent_s >= self._due_s:
                self._begin_comparison()
        elif self._first[self._comparison.level]:
            self._first[self._comparison.level] -= 1
        else:
            self._compare(took_s, work)

    def _begin_comparison(self) -> None:
        has_asked = self.workers.calls > self._calls  # else nothing is large enough for more than one
        self._calls = self.workers.calls
        self._due_s = self._spent_s + self._hold_s
        if len(self._levels) == 1 or not has_asked:
            return
        if not 0 <= self._at + (1 if self._upwards else -1) < len(self._levels):
            self._upwards = not self._upwards
        other = self._at + (1 if self._upwards else -1)
        self._comparison = _Comparison(self._at, other)

    def _compare(self, took_s: float, work: int) -> None:
        comparison = self._comparison
        assert comparison is not None
        if comparison.is_going_on(took_s, work):
            self._set(comparison.level)
            return
        for level, cost in comparison.costs.items():
            before = self._costs.get(level, cost)
            is_akin = before / _OTHER < cost < before * _OTHER
            self._costs[level] = _MEMORY * before + (1.0 - _MEMORY) * cost if is_akin else cost
        if self._costs[comparison.other] < _BETTER * self._costs[comparison.now]:
            self._at = comparison.other
            self._due_s, self._hold_s = self._spent_s, HOLD_S  # the next one in this direction may be better still
            for level in set(self._costs) - {comparison.now, comparison.other}:
                del self._costs[level]
        else:
            self._upwards = not self._upwards
            self._due_s = self._spent_s + max(self._hold_s, _PAUSE * comparison.total_s)
            self._hold_s = min(2.0 * self._hold_s, MOST_HOLD_S)
        self._comparison = None
        self._set(self._at)

    def _set(self, level: int) -> None:
        self.workers.taking_part = self._levels[level]


class _Comparison:
    """Turns of two levels: one of now that does not count, since caches may be full of something else; then the other,
    now, now, the other.
    """

    def __init__(self, now: int, other: int) -> None:
        self.now, self.other, self.level = now, other, now
        self._left = [other, now, now, other]
        self._is_counted = False
        self._seconds, self._work = {now: 0.0, other: 0.0}, {now: 0, other: 0}
        self._turn_s, self._is_new = 0.0, True

    def is_going_on(self, took_s: float, work: int) -> bool:
        """Count an update; tell whether another one is wanted, with `level`."""
        self._turn_s += took_s
        if self._is_counted and (not self._is_new or took_s > _SHORT * TURN_S):
            self._seconds[self.level] += took_s
            self._work[self.level] += work
        self._is_new = False
        if self._turn_s < TURN_S:
            return True
        self._turn_s, self._is_new, self._is_counted = 0.0, True, True
        if not self._left:
            return False
        self.level = self._left.pop(0)
        return True

    @property
    def total_s(self) -> float:
        """Seconds that it has taken so far."""
        return sum(self._seconds.values())

    @property
    def costs(self) -> dict[int, float]:
        return {level: self._seconds[level] / max(1, self._work[level]) for level in (self.now, self.other)}


def levels(most: int) -> list[int]:
    """Return the numbers of workers to choose from: 1, 2, 4 … and `most`."""
    return [1] if most == 1 else [*(2**k for k in range((most - 1).bit_length())), most]
