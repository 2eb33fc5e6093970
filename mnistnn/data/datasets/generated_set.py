"""A set that `mnistnn data generate` makes of another; what is in the cache under its name may have another size."""

from dataclasses import dataclass
from typing import ClassVar

from mnistnn.data.datasets.known_set import KnownSet


@dataclass(frozen=True, kw_only=True)
class GeneratedSet(KnownSet):
    """It is as large as its user wants it; what is said of its size is what experiments of the project have.

    source  the set that it is made of
    kept    images of the source that end it as they are, for validation
    """

    source: str
    kept: int

    is_fixed: ClassVar[bool] = False
    can_be_fetched: ClassVar[bool] = False

    @property
    def count(self) -> int:
        """How many images are made."""
        return self.train_examples - self.kept

    def way(self, name: str) -> str:
        return f"make it with `mnistnn data generate {name}`"

    def again(self, name: str) -> str:
        return f"mnistnn data generate {name} --force"
