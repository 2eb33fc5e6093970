"""A row of the benchmark: what each contender reached at one thing, the goals, and how far they are met."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measure import Measured, Outcome
from benchmarks.workloads import Workload

_TO_MISS = 1e-9  # relative: a ratio that is its goal but for rounding meets it


@dataclass(frozen=True)
class Row:
    """Figures of contenders, in the same unit; less is better.

    section     steps, chains, busy, processes, elastic, fitted or start-up
    base        the contender that does the least there can be
    peer_goal   how many times as fast as the fastest peer, at least
    limit_goal  how many times as long as the base, at most
    ceiling     what ours may be, in the unit
    examples    that one figure is about, where speed is told per second
    errors      test errors, by contender: a sign that they did the same work
    parts       seconds of the parts of a step, by contender
    loads       of the machine, before and after
    commit      that was measured, of a row that is newer than others on its page
    """

    section: str
    name: str
    measured: Sequence[Measured]
    unit: str = "s"
    base: str = "limit"
    peer_goal: float | None = None
    limit_goal: float | None = None
    ceiling: float | None = None
    examples: int | None = None
    errors: dict[str, float] = field(default_factory=dict)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    loads: tuple[float, float] | None = None
    commit: str = ""

    def of(self, kind: str) -> Measured | None:
        return next((found for found in self.measured if found.kind == kind), None)

    @property
    def ours(self) -> Measured:
        found = self.of("ours")
        assert found is not None  # there is no row without
        return found

    @property
    def peer(self) -> Measured | None:
        """The fastest peer."""
        peers = [found for found in self.measured if found.kind.partition("-")[0] not in ("ours", self.base)]
        return min(peers, key=lambda found: found.median, default=None)

    @property
    def against_peer(self) -> float | None:
        """How many times as fast as the fastest peer."""
        return None if self.peer is None else self.peer.median / self.ours.median

    @property
    def against_limit(self) -> float | None:
        """How many times as long as the least there can be."""
        base = self.of(self.base)
        return None if base is None else self.ours.median / base.median

    @property
    def is_missed(self) -> bool:
        """Whether a goal was measured and missed."""
        missed = [
            misses_at_least(self.against_peer, self.peer_goal),
            misses_at_most(self.against_limit, self.limit_goal),
            misses_at_most(self.ours.median, self.ceiling),
        ]
        return any(missed)


def misses_at_least(reached: float | None, goal: float | None) -> bool:
    return reached is not None and goal is not None and reached < goal * (1 - _TO_MISS)


def misses_at_most(reached: float | None, goal: float | None) -> bool:
    return reached is not None and goal is not None and reached > goal * (1 + _TO_MISS)


def row_of(workload: Workload, outcome: Outcome, section: str, device: str = "cpu", base: str = "limit") -> Row:
    """Return the row of a workload; `ours` must have been measured."""
    on_gpu = device == "cuda"
    return Row(
        section,
        workload.name,
        outcome.measured,
        base=base,
        peer_goal=workload.cuda_goal if on_gpu else workload.peer_goal,
        limit_goal=None if on_gpu else workload.limit_goal,
        examples=workload.batch if workload.task == "elastic" else None,
        parts=outcome.parts,
    )


def as_data(row: Row) -> dict[str, Any]:
    """Return a row for a JSON file, with what follows from it."""
    derived = {
        "against_peer": row.against_peer,
        "against_limit": row.against_limit,
        "fastest_peer": None if row.peer is None else row.peer.kind,
        "is_missed": row.is_missed,
    }
    return {**asdict(row), **derived}


_DERIVED = ("against_peer", "against_limit", "fastest_peer", "is_missed")


def from_data(data: dict[str, Any]) -> Row:
    """Return the row that `as_data` was given. Raises TypeError or KeyError for anything else."""
    fields = {name: value for name, value in data.items() if name not in _DERIVED}
    return Row(**{**fields, "measured": [Measured(**found) for found in fields["measured"]]})
