"""The YAML key `data:` of an experiment: which set, at which scale, how much of it.

This module only describes. Whether a set exists and is large enough is decided by `splits`, where the sizes
are known.
"""

from typing import Annotated, Literal

from pydantic import Field

from mnistnn.component import component

_Count = Annotated[int, Field(ge=1)]


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
    """`mnist`, `fashion-mnist`, or the name given to `mnistnn data add`."""

    scale: Literal[255, 256] = 255
    """Pixels are byte / scale. The course's mnist.pkl.gz was made with 256."""

    validation_examples: Annotated[int, Field(ge=0)] = 10000
    """The last this-many examples of the training files, in file order, are the validation split."""

    limits: Limits = Field(default_factory=Limits)
    """Smaller splits for quick experiments, e.g. `{train: 5000}`."""
