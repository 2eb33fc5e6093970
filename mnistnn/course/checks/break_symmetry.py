"""The exercise break-symmetry: a net whose hidden units start equal, and stay so."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.backend.arrays import to_host
from mnistnn.config.load import load_experiment
from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.trials import as_given, changed_keys, percent, trial
from mnistnn.experiment.trained import load_trained

NAME, FILE = "break-symmetry", "experiment.yaml"
MOST_ERROR = 0.5

_FIXED = ("data", "batches", "loss", "seed")


def check(folder: Path) -> Iterator[Finding]:
    """Look at what was changed, train it, and look at the weights of the hidden units."""
    loaded = load_experiment(folder / FILE)
    keys = changed_keys(as_given(NAME, FILE), loaded)
    if len(keys) != 1:
        raise WrongAnswerError(
            f"One key is to be changed, and {len(keys)} were{': ' if keys else ''}{', '.join(keys)}."
        )
    if keys[0].startswith(_FIXED):
        raise WrongAnswerError(f"{keys[0]} was changed: with other data or another loss it is another net's problem.")
    yield Finding(True, f"One key was changed: {keys[0]}.")
    with trial(loaded) as outcome:
        assert outcome.last is not None
        error = outcome.last["valid.error"]
        weights = load_trained(outcome.run, "last").task.weights()
    if "hidden" not in weights:
        raise WrongAnswerError("There is no layer `hidden` with weights any more: the question is about this net.")
    W = to_host(weights["hidden"].W)
    if np.ptp(W, axis=1).max() <= 1e-3 * np.abs(W).max():
        still = "All weights are still 0." if not W.any() else "They have learned, but all the same."
        raise WrongAnswerError(
            f"All {W.shape[1]} hidden units have the same weights after training. {still} Validation error: "
            f"{percent(error)}."
        )
    yield Finding(True, "The hidden units have become different from each other.")
    yield judged(
        error < MOST_ERROR,
        f"The validation error is {percent(error)}.",
        f"The validation error is {percent(error)}, not below {percent(MOST_ERROR)}. Are the weights too large?",
    )
