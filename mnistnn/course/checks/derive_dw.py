"""The exercise derive-dw: the derivatives of xᵀ W x, judged by finite differences."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.finding import Finding
from mnistnn.course.student_program import ask, kind_of_mistake

_STEP = 1e-6


def check(folder: Path) -> Iterator[Finding]:
    """Ask for both derivatives at one point."""
    rng = np.random.default_rng(3)
    x, W = rng.normal(size=4), rng.normal(size=(4, 4))
    by_W, by_x = ask(folder / "derivatives.py", [("dy_dW", (x, W)), ("dy_dx", (x, W))])
    yield _judged("dy_dW", by_W.array(W.shape), _differences(x, W, W), _of_W(x, W))
    yield _judged("dy_dx", by_x.array(x.shape), _differences(x, W, x), _of_x(x, W))


def _judged(name: str, found: np.ndarray, expected: np.ndarray, mistakes: list[tuple[np.ndarray, str]]) -> Finding:
    wrong = ~(np.abs(found - expected) <= 1e-6)  # of differences in double precision, whose error is about 1e-9
    if not wrong.any():
        return Finding(True, f"{name} agrees with finite differences.")
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = (
        f"element {place[0] if len(place) == 1 else place} is {found[place]:.4f}, by differences {expected[place]:.4f}"
    )
    said = kind_of_mistake(found, mistakes, "Write y as a double sum, and derive it by one element.")
    return Finding(False, f"{name}: {where}. {said}")


def _differences(x: np.ndarray, W: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Return the derivative of xᵀ W x by each element of x or W, by central differences."""
    slopes = np.empty_like(by)
    for place in np.ndindex(by.shape):
        before, values = by[place], []
        for step in (_STEP, -_STEP):
            by[place] = before + step
            values.append(x @ W @ x)
        by[place] = before
        slopes[place] = (values[0] - values[1]) / (2 * _STEP)
    return slopes


def _of_W(x: np.ndarray, W: np.ndarray) -> list[tuple[np.ndarray, str]]:
    return [
        (np.zeros_like(W), "It is not written yet."),
        (2 * np.outer(x, x), "It is twice too large: each element of W stands once in y."),
        (np.outer(W @ x, x), "W is still in it; y is linear in W, so its derivative by W has no W."),
        (np.outer(x, W @ x), "W is still in it; y is linear in W, so its derivative by W has no W."),
        (np.diag(x * x), "It has the elements on the diagonal only: the others of W count in y as well."),
    ]


def _of_x(x: np.ndarray, W: np.ndarray) -> list[tuple[np.ndarray, str]]:
    once = "x stands twice in y, and this is the derivative by one of the two."
    return [
        (np.zeros_like(x), "It is not written yet."),
        (W @ x, once),
        (W.T @ x, once),
        (2 * W @ x, "This is right for a symmetric W only."),
        (2 * W.T @ x, "This is right for a symmetric W only."),
        ((W - W.T) @ x, "A sign is wrong."),
    ]
