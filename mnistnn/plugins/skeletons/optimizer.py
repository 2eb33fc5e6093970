"""An optimizer of my own.

Is it right?  mnistnn inspect component skeleton.py
Use it:       mnistnn train mlp --code skeleton.py "optimizer={type: skeleton, learning_rate: 0.1}"
"""

from typing import ClassVar, Literal

from mnistnn.plugins import Array, Fraction, GradientRule, Scalars, array_module, optimizer


@optimizer
class Skeleton(GradientRule):
    """v ← β v − η g, θ ← θ + v."""

    # What an experiment calls it: {type: skeleton, learning_rate: 0.1}. The base has learning_rate and clip_norm.
    type: Literal["skeleton"] = "skeleton"
    beta: Fraction = 0.9
    """The share of the velocity that survives a step."""

    # What it remembers from step to step, with the value at the beginning: each is an array like theta. Checkpoints
    # keep these, and nothing else.
    slots: ClassVar[dict[str, float]] = {"v": 0.0}
    # How many arrays of working memory `update` gets.
    working: ClassVar[int] = 1

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        """Move a part of theta in place. `theta = …` would move nothing: write `theta += …`."""
        (v,), (step,), (eta,) = state, work, scalars
        array_module(theta).multiply(grad, eta, out=step)
        v *= self.beta
        v -= step
        theta += v
