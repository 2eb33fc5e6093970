"""The YAML key `data:` of an experiment: which set, at which scale, how much of it, as which classes.

This module only describes. Whether a set exists and is large enough is decided by `splits`, where the sizes
are known.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mnistnn.component import component
from mnistnn.data.sequences.registry import AnySequences
from mnistnn.data.table import Table

_Count = Annotated[int, Field(ge=1)]


def _each_once(labels: list[int]) -> list[int]:
    if len(set(labels)) < len(labels):
        raise ValueError(f"each label once, got {labels}")
    return labels


_Label = Annotated[int, Field(ge=0, le=255)]
_EachOnce = AfterValidator(_each_once)


@component
class Labels:
    """Two classes made of those of the set. One of the two keys says how."""

    positive: Annotated[list[_Label], Field(min_length=1), _EachOnce] | None = None
    """All examples stay; these labels become class 1, the others class 0. `[0]` asks: is it a zero?"""

    pair: Annotated[list[_Label], Field(min_length=2, max_length=2), _EachOnce] | None = None
    """Only examples of these two labels stay; the first becomes class 0, the second class 1."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Labels":
        if (self.positive is None) == (self.pair is None):
            raise ValueError("takes one of positive, such as {positive: [0]}, and pair, such as {pair: [4, 9]}")
        return self


@component
class Limits:
    """Use only the first this-many examples of a split; null takes all of them."""

    train: _Count | None = None
    """Training examples to use, counted from the start of the training split."""

    valid: _Count | None = None
    """Validation examples to use, counted from the start of the validation split."""

    test: _Count | None = None
    """Test examples to use, counted from the start of the test files."""


@component
class Data:
    """The images and labels of an experiment."""

    dataset: str = "mnist"
    """A name that `mnistnn data list` has, such as `mnist` or `fashion-mnist`, or one given to `mnistnn data add` or
    `data generate`."""

    scale: Literal[255, 256] = 255
    """Pixels are byte / scale. The course's mnist.pkl.gz was made with 256."""

    validation_examples: Annotated[int, Field(ge=0)] = 10000
    """The last this-many examples of the training files, in file order, are the validation split. Where a file says
    nothing, a set of one's own has its own validation images there, or a sixth, at most 10000."""

    limits: Limits = Field(default_factory=Limits)
    """Smaller splits for quick experiments, e.g. `{train: 5000}`."""

    # A plain number, so that a resolved configuration decides alike on every machine.
    stream_above_mb: Annotated[int, Field(ge=0, le=1000)] = 256
    """A split whose images have more than so many million bytes (a pixel is one) is not taken into memory, where it
    would need four times as much, but read from the disk in chunks while it is learned from or measured; 0 does so with
    every split. Chunks change which examples meet in a batch, unless the order is sequential."""

    sequences: AnySequences | None = None
    """Sequences in place of images, for recurrent layers: drawn (`adding`, `copy`), or your own (`csv`). The keys above
    are about images, and have no effect then."""

    table: Table | None = None
    """Rows of a CSV file in place of images: columns of numbers, from which others, or a class, are predicted. The keys
    about images have no effect then."""

    labels: Labels | None = None
    """Two classes in place of the set's own, e.g. `{positive: [0]}` or `{pair: [4, 9]}`; limits apply before."""

    @model_validator(mode="after")
    def _is_about_one(self) -> "Data":
        if self.sequences is not None and self.table is not None:
            raise ValueError("table: takes the place of images, and so does sequences; leave out one of the two")
        if self.labels is not None and not self.has_images:
            these = "sequences" if self.table is None else "rows of a table"
            raise ValueError(f"labels: makes two classes of those of images, and these are {these}")
        return self

    @property
    def has_images(self) -> bool:
        """Whether examples are images, and neither sequences nor rows of a table."""
        return self.sequences is None and self.table is None

    def class_names(self, of_set: Sequence[str]) -> list[str]:
        """Return what each class of the experiment is called, given the names of the set's: those, or of what a class
        was made.
        """
        if self.labels is None:
            return list(of_set)
        if self.labels.pair is not None:
            return [of_set[label] for label in self.labels.pair]
        assert self.labels.positive is not None
        positive = " or ".join(of_set[label] for label in self.labels.positive)
        return [f"not {positive}", positive]
