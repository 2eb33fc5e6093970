"""What the splits are called."""

from typing import Literal

SplitName = Literal["train", "valid", "test"]
