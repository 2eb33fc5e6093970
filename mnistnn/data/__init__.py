"""Images and labels: where they come from, how they are checked, and how they are split.

The package can be called: `mnistnn.data("mnist", "train")` reads a split, as `mnistnn.data.labelled.labelled_split`.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnistnn.data.labelled import LabelledSplit


class _Callable(ModuleType):
    """This package. A function of its name beside it would be lost when the package is imported."""

    def __call__(self, dataset: str = "mnist", split: str = "train", quiet: bool = False) -> "LabelledSplit":
        """Read a split of a data set: see `mnistnn.data.labelled.labelled_split`."""
        from mnistnn.data.labelled import labelled_split

        return labelled_split(dataset, split, quiet)


sys.modules[__name__].__class__ = _Callable
