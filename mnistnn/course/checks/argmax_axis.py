"""The exercise argmax-axis: an argmax without an axis."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.student_program import ask, close

_CLASSES = 3


def check(folder: Path) -> Iterator[Finding]:
    """Ask for the predictions for five inputs of three classes, and for the error of given predictions."""
    x = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [0.0, 2.0, 1.0], [5.0, 4.0, 0.0]])
    labels, W, b = np.array([0, 1, 2, 2, 1]), np.eye(3), np.zeros(3)
    found, error, y_hat = ask(
        folder / "softmax.py",
        [
            ("predict", (x, W, b)),
            ("error", (labels, np.array([0, 1, 2, 1, 0]))),
            ("probabilities", (x, W, b)),
        ],
    )
    e = np.exp(x)
    yield judged(
        close(y_hat.array(x.shape), e / e.sum(axis=1, keepdims=True)),
        "probabilities returns a softmax for each point.",
        "probabilities is no softmax of each row any more: it was right, put it back.",
    )
    yield judged(
        close(error.value, 0.4),
        "error counts the points whose label was not predicted.",
        "error no longer gives 0.4 where 2 of 5 labels are not predicted: it was right, put it back.",
    )
    yield _of_predictions(np.asarray(found.value), x, e.argmax(axis=1))


def _of_predictions(found: np.ndarray, x: np.ndarray, expected: np.ndarray) -> Finding:
    n = len(x)
    if found.shape == ():
        raise WrongAnswerError(
            f"predict returns one number for {n} points. Without an axis, argmax is the place of the largest of all "
            f"{x.size} probabilities."
        )
    if found.shape == (_CLASSES,):
        raise WrongAnswerError(
            f"predict returns {_CLASSES} numbers for {n} points of {_CLASSES} classes: one for each class. It "
            "must have one for each point."
        )
    if found.shape == (n, 1):
        raise WrongAnswerError(
            f"predict returns shape ({n}, 1). Compared with labels of shape ({n},) that makes {n} × {n} comparisons, "
            "and the error is wrong: it must return one axis."
        )
    if found.shape != (n,):
        raise WrongAnswerError(f"predict returns shape {found.shape} for {n} points; it must have one number for each.")
    return judged(
        close(found, expected),
        "predict returns the most probable class of each point.",
        "predict returns one number for each point, but not its most probable class: "
        + (
            "these are probabilities, not numbers of classes."
            if found.dtype.kind == "f"
            else "look at which place of each row is taken."
        ),
    )
