"""Bars and stripes: images so few that all are known, and with them how good a model of them can be.

After D. MacKay: Information Theory, Inference, and Learning Algorithms (2003), chapter 43. A direction is chosen, rows
or columns with probability 1/2; then each of its four lines is white with probability 1/2, or else black. So there
are 32 equally probable outcomes. All black and all white come about in both directions: each of the two has
probability 1/16, and each of the 28 other images 1/32. The entropy is log 32 − (1/8) log 2 = 3.379 nats; the best
mean log-likelihood that a model can reach is −3.379.
"""

import numpy as np

from mnistnn.backend.rng import stream
from mnistnn.data.formats.image_set import ImageSet, LabelledImages, image_set

_SIDE = 4
_CLASSES = 2
_OUTCOMES = _CLASSES * 2**_SIDE
_WHITE = 255

# Of all outcomes once; their numbers, and the order of each, are part of the set.
_TRAINING_ROUNDS = 100
_VALIDATION_ROUNDS = 1
_TEST_ROUNDS = 1


def make() -> ImageSet:
    """Return the set: in the training file the rounds to train on and then those for validation.

    Each round has an order of its own, so that batches in the order of the file are mixed.
    """
    outcomes = every_outcome()

    def rounds(numbers: range) -> LabelledImages:
        order = np.concatenate([stream(0, "generate", number).permutation(_OUTCOMES) for number in numbers])
        return LabelledImages(outcomes.images[order], outcomes.labels[order])

    train = _TRAINING_ROUNDS + _VALIDATION_ROUNDS
    return image_set(rounds(range(train)), rounds(range(train, train + _TEST_ROUNDS)), "bars and stripes")


def every_outcome() -> LabelledImages:
    """Return the images (32, 4, 4) of one round: 16 of rows, label 0, and 16 of columns, label 1."""
    is_white = np.arange(2**_SIDE)[:, None] >> np.arange(_SIDE) & 1  # (16, 4): every choice of lines
    rows = np.repeat(_WHITE * is_white[:, :, None], _SIDE, axis=2)
    images = np.concatenate([rows, rows.transpose(0, 2, 1)]).astype(np.uint8)
    return LabelledImages(images, np.repeat(np.arange(_CLASSES, dtype=np.uint8), 2**_SIDE))
