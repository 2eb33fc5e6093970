"""A transform of the inputs, of my own.

Is it right?  mnistnn inspect component skeleton.py
Use it:       mnistnn train mlp --code skeleton.py "preprocess=[{type: skeleton}]"
"""

from typing import ClassVar, Literal

import numpy as np

from mnistnn.plugins import Array, Positive, Transform, array_module, to_host, transform


@transform
class Skeleton(Transform):
    """Takes the mean image of the training split away."""

    # What an experiment calls it: {type: skeleton}.
    type: Literal["skeleton"] = "skeleton"
    factor: Positive = 1.0
    """How much of the mean is taken away."""

    # The names of the arrays that `fit` sets, float64 and on the host. A run keeps these, and nothing else.
    fitted: ClassVar[tuple[str, ...]] = ("mean",)

    def fit(self, x: Array) -> None:
        """Learn from the training split x (n, *in_shape), which is only read. No other split is ever shown."""
        self.mean = to_host(x).mean(axis=0, dtype=np.float64)

    def apply(self, x: Array) -> Array:
        """Return the transformed x, each image by itself; x may be overwritten, and its dtype stays.

        A transform that changes the shape sets self.out_shape in `build`.
        """
        x -= array_module(x).asarray(self.factor * self.mean, dtype=x.dtype)
        return x
