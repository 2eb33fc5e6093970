"""A split as the model is given it."""

from dataclasses import dataclass

from mnistnn.types import Array


@dataclass(frozen=True)
class Examples:
    """A split on its device: x (n, ...), labels (n,) int64; both are never written to. The inputs of one that is larger
    than memory come from the disk when they are asked for (`data/streamed.py`).
    """

    x: Array
    labels: Array
