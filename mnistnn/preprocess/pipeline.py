"""The transforms of an experiment, one after the other."""

from collections.abc import Callable, Sequence

import numpy as np

from mnistnn.errors import ConfigError
from mnistnn.preprocess.contract import Transform
from mnistnn.types import Array, Shape, ShapeError


class Pipeline:
    """Chains shapes at once, as far as they are known, and is fitted later or restored.

    restore  brings a transform, given with its number, back to what it was fitted to, and tells whether it did; not
             asked before the shape of the transform's inputs is settled

    Raises ConfigError at the transform that cannot take what those before it give.
    """

    def __init__(
        self, transforms: Sequence[Transform], in_shape: Shape, restore: Callable[[int, Transform], bool]
    ) -> None:
        self.transforms, self._restore = transforms, restore
        self._is_ready = [False] * len(transforms)
        self.out_shape = in_shape
        """Of an example at the end; while not `is_settled`, the largest one possible."""
        self.is_settled = True
        for number, transform in enumerate(transforms):
            self._build(number, self.out_shape)
            if self.is_settled:
                self._is_ready[number] = restore(number, transform)
            self.is_settled = self.is_settled and transform.is_settled
            self.out_shape = transform.out_shape

    @property
    def unfitted(self) -> int | None:
        """The number of the first transform that has yet to see the training split, if there is one."""
        waiting = (n for n, each in enumerate(self.transforms) if each.fitted and not self._is_ready[n])
        return next(waiting, None)

    def fit_and_apply(self, x: Array) -> Array:
        """Fit what is not restored to the training split x (n, *in_shape), each transform to what those before make of
        it; return the transformed x. x is given away. Raises ConfigError at the transform that does not fit.
        """
        for number, transform in enumerate(self.transforms):
            if not self._is_ready[number]:
                self._fit(number, x)
            x = transform.apply(x)
        self.out_shape, self.is_settled = x.shape[1:], True
        return x

    def _build(self, number: int, in_shape: Shape) -> None:
        try:
            self.transforms[number].build(in_shape)
        except ShapeError as error:
            raise ConfigError(str(error), key=f"preprocess.{number}") from error

    def _fit(self, number: int, x: Array) -> None:
        transform = self.transforms[number]
        self._build(number, x.shape[1:])
        if not self._restore(number, transform):
            try:
                transform.fit(x)
            except ShapeError as error:
                raise ConfigError(str(error), key=f"preprocess.{number}") from error
        self._is_ready[number] = True

    def apply(self, x: Array) -> Array:
        """Return the transformed x (n, *out_shape); x (n, *in_shape) is given away."""
        assert all(self._is_ready), "fitted on the training split, before any other is read"
        for transform in self.transforms:
            x = transform.apply(x)
        return x

    def tensors(self) -> list[tuple[str, dict[str, np.ndarray]]]:
        """Return type and fitted arrays of each transform, in order."""
        return [(transform.type, transform.tensors()) for transform in self.transforms]

    def named_tensors(self) -> dict[str, np.ndarray]:
        """Return the fitted arrays of all by one name each, such as preprocess.0.mean."""
        return {f"preprocess.{n}.{key}": a for n, (_, arrays) in enumerate(self.tensors()) for key, a in arrays.items()}
