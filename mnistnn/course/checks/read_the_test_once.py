"""The exercise read-the-test-once: three candidates, a choice by validation, one reading of the test split."""

from collections.abc import Iterator
from pathlib import Path

from mnistnn.analysis.evaluation.test_access_log import count_test_accesses, times
from mnistnn.course.answers import read_answers
from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.own_runs import runs_of
from mnistnn.run.view import RunView

NAME = "read-the-test-once"
LETTERS = ("a", "b", "c")

_AGAIN = "What was read cannot be unread: begin again in another folder."


def check(folder: Path) -> Iterator[Finding]:
    """Look at the runs of the candidates, at the choice, and at the logs of test readings."""
    runs = {letter: runs_of(NAME, f"{letter}.yaml", folder) for letter in LETTERS}
    yield Finding(True, "All three candidates are trained.")
    errors = {letter: min(_error(view) for view in views) for letter, views in runs.items()}
    chosen = read_answers(folder, ("chosen",)).choice("chosen", LETTERS)
    yield judged(
        errors[chosen] == min(errors.values()),
        f"{chosen} has the lowest validation error.",
        f"chosen: another candidate has a lower validation error than {chosen}.",
    )
    read = {letter: sum(count_test_accesses(view.run) for view in views) for letter, views in runs.items()}
    others = [letter for letter in LETTERS if letter != chosen and read[letter]]
    yield judged(
        not others,
        "The test split was not read for the others.",
        f"The test split was read for {' and '.join(others)} too. Whoever reads it for several chooses by it. {_AGAIN}",
    )
    if read[chosen] == 0:
        raise WrongAnswerError(f"The test split was never read for {chosen}: `mnistnn eval once-{chosen}`.")
    yield judged(
        read[chosen] == 1,
        f"The test split was read once for {chosen}.",
        f"The test split was read {times(read[chosen])} for {chosen}. {_AGAIN}",
    )


def _error(view: RunView) -> float:
    assert view.best is not None
    return float(view.best["valid.error"])
