"""Trying the experiment of an answer: what was changed in it, and a run of it that is thrown away."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnistnn.config.diff import differences
from mnistnn.config.load import LoadedExperiment, load_text
from mnistnn.course.exercise import exercise
from mnistnn.course.finding import WrongAnswerError
from mnistnn.errors import DivergedError, TimeBudgetError
from mnistnn.experiment.plan import Plan
from mnistnn.runner.session import Outcome, Verbosity, start

LIMIT_S = 300.0
"""No trial may take longer. On two idle cores all take less than 20 s; beside ten other programs, up to 100 s did."""


def as_given(name: str, file: str) -> LoadedExperiment:
    """Return the experiment in a file that an exercise begins with."""
    return load_text(exercise(name).start[file], file)


def changed_keys(before: LoadedExperiment, after: LoadedExperiment) -> list[str]:
    """Return the keys in which two experiments differ, but for the name. A component of another type is one key."""
    found = [each.key for each in differences(before.resolved, after.resolved) if each.key != "name"]
    of_other_type = [key.removesuffix(".type") for key in found if key.endswith(".type")]
    keys = [
        next((whole for whole in of_other_type if key.startswith(f"{whole}.")), key).replace("stopping.0", "stopping")
        for key in found
    ]
    return list(dict.fromkeys(keys))


@contextmanager
def trial(loaded: LoadedExperiment, limit_s: float = LIMIT_S) -> Iterator[Outcome]:
    """Train an experiment in a folder that is removed at the end.

    Raises WrongAnswerError if it diverges, or takes too long; what `start` raises if the data are not there.
    """
    with tempfile.TemporaryDirectory(prefix="mnistnn-exercise-") as folder:
        runs = Path(folder)
        try:
            yield start(Plan(loaded), runs / "trial", runs, Verbosity(shown=False), time_budget_s=limit_s)
        except DivergedError as error:
            raise WrongAnswerError(f"It diverges: {error}. Steps are far too long at this rate.") from error
        except TimeBudgetError as error:
            raise WrongAnswerError(f"It was not done within {limit_s:g} s.") from error


def percent(error: float) -> str:
    """Return an error as it is shown."""
    return f"{100 * error:.2f} %"
