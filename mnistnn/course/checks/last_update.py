"""The exercise last-update: where lisa_patience ends a run, judged by the policy."""

from collections.abc import Callable, Iterator
from pathlib import Path

from mnistnn.course.answers import read_answers
from mnistnn.course.finding import Finding, judged
from mnistnn.stopping.lisa import LisaPatience

EVERY = 500
"""Updates from one evaluation to the next: an epoch, and less than half of the first patience."""

ERRORS = (12.0, 9.0, 8.0, 7.98, 7.6, 7.58, 7.565, 7.55, 7.54, 7.6, 7.65)
"""In percent, as the task has them."""

UPDATES, INCREASE, THRESHOLD = 2000, 2, 0.995


def check(folder: Path) -> Iterator[Finding]:
    """Compare an update with that of the policy."""
    stops = read_answers(folder, ("stops_after",)).count("stops_after")
    last = last_update()
    yield judged(
        stops == last,
        f"The run ends after {last} updates.",
        f"The run does not end after {stops} updates. {_why(stops, last)}",
    )


def last_update() -> int:
    """Return the update at which the policy's deadline comes before the next evaluation."""
    policy = LisaPatience(updates=UPDATES, increase=INCREASE, threshold=THRESHOLD)
    rows = [
        {"epoch": float(epoch), "updates": float(EVERY * epoch), "valid.error": error / 100}
        for epoch, error in enumerate(ERRORS, start=1)
    ]
    for known in range(len(rows) + 1):
        deadline = policy.deadline(rows[:known])
        assert deadline is not None
        if deadline.updates <= EVERY * (known + 1):
            return deadline.updates
    raise AssertionError("the run ends within the table")


def mistaken() -> dict[int, str]:
    """Return the updates of usual mistakes, and what to say of each."""
    return {
        _simulated(lambda error, best, _: error < best): "An improvement counts only below 0.995 times the best error.",
        _simulated(lambda error, _, significant: error < THRESHOLD * significant): (
            "Each evaluation is compared with the best error before it, also if that was no good improvement itself."
        ),
        _simulated(lambda *_: False): "Patience grows at good improvements: it is not 2000 any more.",
    }


def _why(stops: int, last: int) -> str:
    if 0 < abs(stops - last) <= 2:
        return "It is very near: iterations count from 0, and patience is 2 · i, not 2 · updates."
    if stops % EVERY == 0 and abs(stops - last) <= EVERY:
        return "The run may end inside of an epoch: find the update itself."
    otherwise = "Write beside each evaluation the best error before it, whether it is a good improvement, and patience."
    return next((said for update, said in mistaken().items() if abs(stops - update) <= 2), otherwise)


def _simulated(counts: Callable[[float, float, float], bool]) -> int:
    """Return where a run ends if patience grows at each evaluation that counts: by its error, the best one before, and
    the last that counted.
    """
    best = significant = float("inf")
    patience = UPDATES
    for number, error in enumerate(ERRORS, start=1):
        if patience + 1 <= EVERY * number:
            break
        if counts(error, best, significant):
            patience, significant = max(patience, INCREASE * (EVERY * number - 1)), error
        best = min(best, error)
    return patience + 1
