"""What a corruption is: a rule that makes worse images of images, mildly or severely."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.errors import UsageError

Images = NDArray[np.float64]
"""Images (n, h, w), 0 for black to 1 for white."""

SEVERITIES = range(1, 6)


@dataclass(frozen=True)
class Corruption:
    """One kind.

    about    what it does, in a few words
    apply    returns the corrupted images, not clipped yet, given images, random numbers and the value of a severity
    levels   the value of each severity, mildest first; empty for a kind that has one strength only
    usual    the severity that MNIST-C has
    """

    about: str
    apply: Callable[[Images, np.random.Generator, Any], Images]
    levels: tuple[Any, ...] = ()
    usual: int | None = None

    def level(self, kind: str, severity: int | None) -> Any:
        """Return the value of a severity, of the usual one for None. Raises UsageError for what the kind has not."""
        if not self.levels:
            if severity is not None:
                raise UsageError(f"{kind} has one strength only, and takes no severity")
            return None
        chosen = self.usual if severity is None else severity
        if chosen is None or chosen not in SEVERITIES:
            raise UsageError(f"the severity of {kind} is 1 to {len(SEVERITIES)}, got {chosen}")
        return self.levels[chosen - 1]
