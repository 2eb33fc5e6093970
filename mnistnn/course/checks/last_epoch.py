"""The exercise last-epoch: where course_patience ends a run, judged by the policy."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mnistnn.course.answers import read_answers
from mnistnn.course.finding import Finding, judged
from mnistnn.stopping.course import CoursePatience

ERRORS = (8.0, 6.0, 5.4, 5.6, 5.4, 5.5, 5.2, 5.3, 5.1, 5.2, 5.3, 5.4)
"""In percent, as the task has them."""

MIN_EPOCHS, MAX_PATIENCE = 5, 3


def check(folder: Path) -> Iterator[Finding]:
    """Compare two epochs with those of the policy."""
    answers = read_answers(folder, ("stops_after", "returned"))
    stops, returned = answers.count("stops_after"), answers.count("returned")
    last = last_epoch()
    yield judged(
        stops == last, f"The run ends after epoch {last}.", f"The run does not end after epoch {stops}. {_why(stops)}"
    )
    best = 1 + ERRORS.index(min(ERRORS[:last]))
    yield judged(returned == best, f"Epoch {best} is returned.", _of_returned(returned, stops))


def last_epoch() -> int:
    """Return the epoch at which the policy says for the first time that the run ends."""
    policy = CoursePatience(min_epochs=MIN_EPOCHS, max_patience=MAX_PATIENCE)
    rows = [{"epoch": float(epoch), "valid.error": error / 100} for epoch, error in enumerate(ERRORS, start=1)]
    return next(epoch for epoch in range(1, len(rows) + 1) if policy.reason(rows[:epoch]) is not None)


def mistaken() -> dict[int, str]:
    """Return the epochs of usual mistakes, and what to say of each."""
    return {
        _counted(ERRORS, 0, ties=False): "Before min_epochs patience has no effect.",
        _counted(ERRORS, MIN_EPOCHS, ties=True): "An error that equals the best one is no improvement.",
        _after_minimum(): "Patience is counted from the first epoch on, not from min_epochs on.",
    } | {MIN_EPOCHS: "min_epochs is reached here, but how many epochs in a row brought no improvement?"}


def _why(stops: int) -> str:
    if stops == len(ERRORS):
        return "Patience is used up before the table ends: no error is lower than the best one for 3 epochs in a row."
    otherwise = "Write beside each epoch how many epochs in a row brought no error below the best one so far."
    return mistaken().get(stops, otherwise)


def _counted(errors: Sequence[float], min_epochs: int, ties: bool) -> int:
    """Return where a count ends that takes ties for improvements, or not."""
    best, patience = float("inf"), 0
    for epoch, error in enumerate(errors, start=1):
        improved = error <= best if ties else error < best
        patience = 0 if improved else patience + 1
        best = min(best, error)
        if epoch >= min_epochs and patience >= MAX_PATIENCE:
            return epoch
    return len(errors)


def _after_minimum() -> int:
    """Return where a count ends that begins after min_epochs."""
    best, patience = min(ERRORS[:MIN_EPOCHS]), 0
    for epoch in range(MIN_EPOCHS + 1, len(ERRORS) + 1):
        patience = 0 if ERRORS[epoch - 1] < best else patience + 1
        best = min(best, ERRORS[epoch - 1])
        if patience >= MAX_PATIENCE:
            return epoch
    return len(ERRORS)


def _of_returned(returned: int, stops: int) -> str:
    said = f"Epoch {returned} is not returned."
    if returned == stops:
        return f"{said} The parameters of the last epoch are not the best ones."
    if ERRORS[returned - 1 : returned] == (min(ERRORS[:5]),):
        return f"{said} Its error equals that of an earlier epoch, which stays the best one."
    if returned > stops:
        return f"{said} It is after the end of the run."
    return f"{said} Another epoch up to the end has a lower error."
