"""The exercise dropout-at-test: scores at prediction that are those of training on average."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.student_program import ask, close, kind_of_mistake
from mnistnn.course.values_in_json import Random

_KEEP = 0.8
_MASKS = 4000


def check(folder: Path) -> Iterator[Finding]:
    """Ask twice for the scores of the same units, and for those in training with many masks."""
    rng = np.random.default_rng(8)
    h, W, b = rng.uniform(0.5, 1.5, size=(3, 6)), rng.normal(size=(6, 4)), rng.normal(size=4)
    many = np.repeat(h[:1], _MASKS, axis=0)
    trained, first, second = ask(
        folder / "dropout.py",
        [
            ("train_scores", (many, W, b, _KEEP, Random(1))),
            ("predict_scores", (h, W, b, _KEEP, Random(2))),
            ("predict_scores", (h, W, b, _KEEP, Random(3))),
        ],
    )
    average = trained.array((_MASKS, 4)).mean(axis=0)
    expected = h @ W * _KEEP + b
    if np.abs(average - expected[0]).max() > 0.1:  # the average of 4,000 masks lies within 0.03
        raise WrongAnswerError("train_scores was changed: it was right, put it back.")
    yield Finding(True, "train_scores drops units in training.")
    scores = first.array(expected.shape)
    yield judged(
        close(scores, second.array(expected.shape)),
        "predict_scores gives the same input the same scores.",
        "predict_scores gives the same input other scores each time: it still draws a mask.",
    )
    yield judged(
        close(scores, expected),
        "predict_scores gives what training gives on average.",
        f"predict_scores does not give what training gives on average. {_mistake(scores, h, W, b)}",
    )


def _mistake(scores: np.ndarray, h: np.ndarray, W: np.ndarray, b: np.ndarray) -> str:
    mistakes = [
        (h @ W + b, "All units count in full, so what reaches the next layer is larger than in training."),
        (h @ W * (1 - _KEEP) + b, "It is scaled by the probability that a unit is dropped."),
        (h @ W / _KEEP + b, "It is divided where it must be multiplied: it is even larger."),
        ((h @ W + b) * _KEEP, "The bias is scaled too, and no mask ever dropped it."),
        (h @ W * _KEEP**2 + b, "It is scaled twice."),
        (h @ W * 0.5 + b, "A factor that is written in the program is right for one probability only."),
    ]
    return kind_of_mistake(scores, mistakes, "By which factor is a unit multiplied on average in training?")
