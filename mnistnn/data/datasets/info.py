"""What is known of a data set without reading it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetInfo:
    """The sizes of a set, and what its classes are called, by label; None where that is their numbers."""

    image_shape: tuple[int, int]
    classes: int
    train_examples: int
    test_examples: int
    class_names: tuple[str, ...] | None = None
