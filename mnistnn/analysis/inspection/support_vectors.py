"""The support vectors of a pair of classes: examples, and shifted copies of examples, that a machine consists of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained


@dataclass(frozen=True)
class OfPair:
    """The machine of a pair of classes.

    vectors   support vectors
    originals examples that these are copies of
    at_bound  vectors with |coefficient| = C: within the margin, or on its wrong side
    """

    pair: tuple[int, int]
    vectors: int
    originals: int
    at_bound: int
    bias: float


@dataclass(frozen=True)
class SupportVector:
    """One support vector of a machine.

    coefficient  α·y: positive where it pulls towards the first class
    place        the number of the example in the training split, from 0
    shift        in pixels, down and to the right
    image        as the machine compares it
    """

    coefficient: float
    place: int
    shift: tuple[int, int]
    image: NDArray[np.float32]


def machines(trained: Trained) -> list[OfPair]:
    """Return the machines that are fitted, in their order. Raises UsageError for a model without any."""
    model = trained.task.support_vector_machine
    found = []
    for number in range(model.rounds_done):
        of_pair = model.supports(number)
        at_bound = int((np.abs(of_pair.coefficients) >= model.C).sum())
        originals = len(np.unique(of_pair.sources[:, 0]))
        found.append(OfPair(model.pairs[number], len(of_pair.coefficients), originals, at_bound, of_pair.bias))
    return found


def strongest(trained: Trained, pair: Sequence[int], count: int) -> list[SupportVector]:
    """Return the support vectors of a pair with the largest coefficients, so many at most, and of copies of one example
    the strongest only: first those of one class, then those of the other. Raises UsageError for a pair without a
    machine.
    """
    model = trained.task.support_vector_machine
    wanted = tuple(sorted(pair))
    fitted = model.pairs[: model.rounds_done]
    if wanted not in fitted:
        raise UsageError(
            f"--pair: there is no machine of {' and '.join(map(str, pair))}; there are {len(fitted)}, "
            f"from {fitted[0][0]},{fitted[0][1]} to {fitted[-1][0]},{fitted[-1][1]}"
        )
    number = fitted.index(wanted)
    of_pair, images = model.supports(number), model.pictures(number)
    largest_first = np.argsort(-np.abs(of_pair.coefficients), kind="stable")
    _, firsts = np.unique(of_pair.sources[largest_first, 0], return_index=True)
    largest_first = largest_first[np.sort(firsts)]
    sides = [largest_first[of_pair.coefficients[largest_first] * sign > 0][: -(-count // 2)] for sign in (1, -1)]
    found = []
    for at in np.concatenate(sides)[:count]:
        place, *shift = (int(each) for each in of_pair.sources[at])
        found.append(SupportVector(float(of_pair.coefficients[at]), place, (shift[0], shift[1]), images[at]))
    return found
