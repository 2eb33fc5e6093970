"""The exercise sum-for-mean: loss and gradient that grow with the number of examples."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.finding import Finding
from mnistnn.course.student_program import as_array, ask, close, kind_of_mistake


def check(folder: Path) -> Iterator[Finding]:
    """Ask for loss and gradient of six examples."""
    rng = np.random.default_rng(5)
    x, labels, W, b = rng.normal(size=(6, 4)), np.array([0, 1, 2, 0, 1, 1]), rng.normal(size=(4, 3)), rng.normal(size=3)
    (done,) = ask(folder / "gradient.py", [("loss_and_grad", (x, labels, W, b))])
    found = done.several(3)
    for name, value, total in zip(("loss", "dW", "db"), found, _sums(x, labels, W, b), strict=True):
        array = as_array(value, np.shape(total), f"loss_and_grad returns as {name}")
        if close(array, total / len(x)):
            yield Finding(True, f"{name} is the mean over the examples.")
        else:
            yield Finding(False, f"{name} is no mean over the examples. {_mistake(array, total, len(x), 3)}")


def _sums(x: np.ndarray, labels: np.ndarray, W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return loss, dW and db as sums over the examples."""
    e = np.exp(x @ W + b)
    y = e / e.sum(axis=1, keepdims=True)
    dz = y - np.eye(W.shape[1])[labels]
    return -np.log(y[np.arange(len(x)), labels]).sum(), x.T @ dz, dz.sum(axis=0)


def _mistake(found: np.ndarray, total: np.ndarray, n: int, classes: int) -> str:
    mistakes = [
        (total, "It is still the sum: the same data given twice would double it."),
        (total / n**2, "It was divided by the number of examples twice."),
        (total / classes, "It was divided by the number of classes: a mean over examples divides by that of examples."),
        (total / (n * classes), "It was divided by the number of examples and of classes: only examples count."),
        (total / np.sqrt(n), "It was divided by the root of the number of examples."),
        (-total / n, "The sign is wrong."),
    ]
    return kind_of_mistake(found, mistakes, "It is not the sum divided by one number: is every term of it divided?")
