"""The contract of a transform of the inputs."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from mnistnn.types import Array, Shape, ShapeError, show_shape

_ROWS = 2048


class Transform:
    """Abstract: fitted once, on the training split; then applied to every split alike.

    `build` comes first, then `fit` or `restore`, then any number of `apply`.
    """

    type: str
    """The name of the transform in YAML."""
    fitted: ClassVar[tuple[str, ...]] = ()
    """Names of the attributes that `fit` sets: float64 arrays on the host, which are what is kept of the transform."""

    in_shape: Shape
    """Of an example; set by `build`."""
    out_shape: Shape
    """Of a transformed example; while not `is_settled`, the largest one that fitting can lead to."""
    is_settled: bool

    def build(self, in_shape: Shape) -> None:
        """Take the shape of an example. Raises ShapeError if it is not one that the transform can take."""
        self.in_shape = self.out_shape = in_shape
        self.is_settled = True

    def source(self) -> str | None:
        """Return the file that the transform is to be restored from instead of being fitted, if there is one."""
        return None

    def fit(self, x: Array) -> None:
        """Learn from the training split x (n, *in_shape), in float64 and on the host. Raises ShapeError."""

    def apply(self, x: Array) -> Array:
        """Return the transformed x (n, *out_shape), in the memory of x (n, *in_shape) unless it is larger. The caller
        gives x away: it may be overwritten.
        """
        raise NotImplementedError

    def weights_on_inputs(self, W: np.ndarray) -> np.ndarray:
        """Return weights W (n_out, units) of what the transform makes as weights (n_in, units) of what it is given: the
        weighted sums are the same, up to a constant for each unit. Raises ShapeError if it makes no sums of its inputs.
        """
        raise ShapeError("what it makes are no weighted sums of its inputs")

    def tensors(self) -> dict[str, np.ndarray]:
        """Return what was fitted, by name."""
        return {name: getattr(self, name) for name in self.fitted}

    def restore(self, tensors: dict[str, np.ndarray]) -> None:
        """Take what another transform of this class was fitted to. Raises ShapeError if it does not fit."""
        if set(tensors) != set(self.fitted):
            raise ShapeError(f"expected the arrays {', '.join(self.fitted)}, got {', '.join(sorted(tensors))}")
        for name, array in tensors.items():
            if array.dtype != np.float64 or not np.isfinite(array).all():
                raise ShapeError(f"its {name} must be finite numbers of type float64")
        shapes = {name: array.shape for name, array in tensors.items()}
        if not self.takes(shapes):
            found = ", ".join(f"{name} {show_shape(shape)}" for name, shape in sorted(shapes.items()))
            raise ShapeError(f"it was fitted on other inputs than {show_shape(self.in_shape)}: {found}")
        for name, array in tensors.items():
            setattr(self, name, array)

    def takes(self, shapes: dict[str, Shape]) -> bool:
        """Tell whether arrays of these shapes, by name, can belong to inputs of `in_shape`."""
        return all(shape == self.in_shape for shape in shapes.values())


def row_blocks(n: int) -> Iterator[slice]:
    """Yield the rows 0..n in blocks. A whole training split is the largest array of a run: nothing copies it that need
    not.
    """
    for start in range(0, n, _ROWS):
        yield slice(start, min(start + _ROWS, n))
