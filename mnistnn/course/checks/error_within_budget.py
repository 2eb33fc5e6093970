"""The exercise error-within-budget: a good rate for a given net, data and number of updates."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mnistnn.config.load import load_experiment
from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.trials import as_given, changed_keys, percent, trial
from mnistnn.run.metrics import read_rows
from mnistnn.types import Row

NAME, FILE = "error-within-budget", "experiment.yaml"
MOST_ERROR = 0.115

_OF_GUESSING = 2.31  # ln 10 is the loss of who takes all ten classes for equally probable


def check(folder: Path) -> Iterator[Finding]:
    """Look at what was changed, and train it."""
    loaded = load_experiment(folder / FILE)
    keys = changed_keys(as_given(NAME, FILE), loaded)
    refused = [key for key in keys if not (key.startswith("optimizer") or ".init" in key)]
    if refused:
        raise WrongAnswerError(f"{refused[0]} was changed. Only what is below optimizer, and init of layers, may be.")
    yield Finding(True, "Data, layers, batches and epochs are as they were given.")
    with trial(loaded) as outcome:
        rows = read_rows(outcome.run.metrics)
    error = min(row["valid.error"] for row in rows)
    yield judged(
        error <= MOST_ERROR,
        f"The validation error is {percent(error)}: at most {percent(MOST_ERROR)}.",
        f"The validation error is {percent(error)}, above {percent(MOST_ERROR)}. {_why(rows)}",
    )


def _why(rows: Sequence[Row]) -> str:
    losses = [row["train.loss"] for row in rows]
    said = f"The training loss ends at {losses[-1]:.2f}"
    if losses[-1] > _OF_GUESSING or losses[-1] > 1.02 * min(losses):
        return f"{said}, and does not fall from epoch to epoch: steps are too long."
    return f"{said}, and still falls from epoch to epoch: longer steps would get further."
