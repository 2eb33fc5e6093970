"""What is asked of any model, and what of one that is fitted and not trained by steps.

Trained models extend `FlatModel` (`flat.py`): their parameters are one vector that an optimizer moves. Fitted models
extend `Fitted`: they learn in rounds of their own, of which each leaves a model that can be used.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol

import numpy as np

from mnistnn.component import component
from mnistnn.layers import Layer
from mnistnn.losses import Loss
from mnistnn.types import Array, Shape, ShapeError

Tell = Callable[[str, int, int | None], None]
"""Is told what is being done inside a round, how much of it is done, and of how much at most. It may raise to end that:
then the model is as it was after the round before.
"""

EXAMPLES = "examples"
"""What `scores` calls its examples when it tells how many of them are done."""


def refuse_one_class(classes: int) -> None:
    """Raise ShapeError if there is nothing to tell apart."""
    if classes < 2:
        raise ShapeError(f"needs two classes or more, and the data have {classes}")


class Scores(Protocol):
    """A model of which readers ask outputs, whatever it is."""

    def scores(self, x: Array) -> Array:
        """Return the outputs (n, ...) for inputs x (n, *in_shape), lent until the next call."""
        ...


@component
class Fitted:
    """Abstract: a classifier that is fitted in rounds.

    A round is what the model says: all of a closed form, a pair of classes, a boosting round, a member of a committee.
    After each, `scores` are those of the rounds so far, and `arrays` all that they consist of.
    """

    type: str
    """The name of the model in an experiment."""

    layers: ClassVar[dict[str, Layer]] = {}
    """It consists of none."""
    open_ended: ClassVar[bool] = False
    """Whether more rounds are always possible, so that stopping policies make sense."""

    def build(self, in_shape: Shape, classes: int) -> None:
        """Remember the shape of inputs and the number of classes. Raises ShapeError if they do not fit.

        Sets `shapes`: the shape of an example's outputs, under the name that tables give to the whole model.
        """
        raise NotImplementedError

    @property
    def rounds(self) -> int:
        """How many rounds there are at most."""
        raise NotImplementedError

    @property
    def rounds_done(self) -> int:
        """How many rounds have been fitted, or restored."""
        raise NotImplementedError

    @property
    def unit(self) -> str:
        """What its scores are, where they are no probabilities; the model is built."""
        return "outputs that should be 1 for the class and 0 for others"

    @property
    def needs_loops(self) -> bool:
        """Whether fitting takes long enough to earn the start of compiled loops; the model is built."""
        return False

    @property
    def scores_need_loops(self) -> bool:
        """The same, to be asked only."""
        return self.needs_loops

    @property
    def evaluate_every(self) -> int:
        """After how many rounds it is worth to be evaluated, where an experiment does not say."""
        return 1

    @property
    def criterion(self) -> Loss:
        """What judges the scores; the model is built."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """How many numbers the fitted model consists of, as far as that is known before."""
        raise NotImplementedError

    @property
    def multiply_adds(self) -> int:
        """Multiplications (each with an addition) of one example's scores, in matrix products."""
        raise NotImplementedError

    def allocate(self, xp: Any, dtype: str) -> None:
        """Begin anew, unfitted, with arrays of xp and of a dtype."""
        raise NotImplementedError

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        """Fit the rounds that are left to x (n, *in_shape) and labels (n,), neither of which is written to.

        Yields the number of rounds done, after each.
        """
        raise NotImplementedError

    def scores(self, x: Array) -> Array:
        """Return the scores (n, classes) of x (n, *in_shape), lent until the next call."""
        raise NotImplementedError

    # What some models need, or offer, beyond that.

    def draw_from(self, seed: int) -> None:
        """Derive whatever is drawn from this seed; called before `allocate`."""

    def refuse(self, x: Array) -> None:
        """Raise ConfigError, with the key at fault, if the model cannot be fitted to x (n, *in_shape)."""

    def listen(self, tell: Tell) -> None:
        """Report the progress of scores that take long to `tell`, which may raise: how many EXAMPLES are done."""

    def find_references_by(self, digest: Callable[[], bytes], find: Callable[[], tuple[Array, Array]]) -> None:
        """Let the examples that it is fitted to, x (n, *in_shape) and labels (n,), be found again by a model that keeps
        only their digest (32 bytes); called before it is fitted or restored.
        """

    def weights(self) -> tuple[str, Array, list[str] | None] | None:
        """Return what inputs are compared with, for each output: the name in `arrays`, W (n_in, outputs), and what the
        outputs are called, if they have names. None for a model of another kind.
        """
        return None

    def follow(self, x: Array) -> Callable[[], Array] | None:
        """Return a function that returns the scores (n, classes) of x as the model stands, lent; it remembers what
        earlier rounds gave. None where that saves nothing.
        """
        return None

    @property
    def examples_per_stage(self) -> dict[str, int]:
        """How many examples were given to each part of the model so far, where parts differ in what they cost."""
        return {}

    def restore_examples_per_stage(self, examples_per_stage: dict[str, int]) -> None:
        """Count on from what `examples_per_stage` returned, or from nothing."""

    def arrays(self) -> dict[str, Array]:
        """Return all that the rounds so far consist of, by name."""
        raise NotImplementedError

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` returned after some rounds. Raises ShapeError if it is not of this model; then nothing is
        taken.
        """
        raise NotImplementedError

    def keep_rounds(self, rounds: int) -> None:
        """Forget all rounds after so many."""
        raise NotImplementedError
