"""The exercise whiten-by-training: a transform that is fitted to each split."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.finding import Finding, judged
from mnistnn.course.student_program import as_array, ask, kind_of_mistake


def check(folder: Path) -> Iterator[Finding]:
    """Ask for three splits of made data, each of another distribution."""
    rng = np.random.default_rng(2)
    mixing = rng.normal(size=(3, 3))
    splits = tuple(
        rng.normal(shift, scale, size=(40, 3)) @ mixing for shift, scale in ((0, 1), (0.5, 1.5), (-0.5, 0.7))
    )
    path = folder / "whitening.py"
    fitted, together, *each = ask(
        path, [("fit", (splits[0],)), ("fit", (np.concatenate(splits),)), *(("fit", (x,)) for x in splits[1:])]
    )
    (done,) = ask(path, [("prepare", splits)])
    mean, matrix = _transform(fitted.several(2))
    white = (splits[0] - mean) @ matrix
    yield judged(
        bool(np.allclose(white.mean(axis=0), 0) and np.allclose(white.T @ white / len(white), np.eye(3))),
        "fit whitens what it is given.",
        "fit no longer whitens what it is given: it was right, put it back.",
    )
    all_mean, all_matrix = _transform(together.several(2))
    found = done.several(3)
    own = [(mean, matrix), *(_transform(one.several(2)) for one in each)]
    for name, x, value, (own_mean, own_matrix) in zip(("train", "valid", "test"), splits, found, own, strict=True):
        array = as_array(value, x.shape, f"prepare returns as {name}")
        is_right = bool(np.allclose(array, (x - mean) @ matrix))
        mistakes = [
            ((x - own_mean) @ own_matrix, "Mean and matrix were fitted to this split itself."),
            ((x - own_mean) @ matrix, "The matrix is that of the training set, but the mean is that of this split."),
            ((x - mean) @ own_matrix, "The mean is that of the training set, but the matrix is that of this split."),
            (
                (x - all_mean) @ all_matrix,
                "They were fitted to all splits together: that leaks what must not be known.",
            ),
            (x, "It is not transformed at all."),
        ]
        said = kind_of_mistake(array, mistakes, "It is not `apply` with what `fit(train)` returns.")
        yield judged(is_right, f"{name} is transformed by the training set.", f"{name}: {said}")


def _transform(values: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    return as_array(values[0], (3,), "fit returns as mean"), as_array(values[1], (3, 3), "fit returns as matrix")
